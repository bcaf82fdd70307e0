"""Tensors by name from what torch saved, where nothing is run; safetensors as equal bytes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TypeVar

from zsad_core.backbones.lazy import torch
from zsad_core.errors import WeightsError

INSIDE = ("module", "_orig_mod")  # put by data-parallel and compiled modules, at any depth
AROUND = ("state_dict", "model", "net", *INSIDE)  # put by Lightning and training loops
ZIP = b"PK\x03\x04"  # how a file that torch saved begins
Value = TypeVar("Value")


def is_safetensors(path: Path) -> bool:
    """Whether a file is one of safetensors, by its name or by how it begins."""
    if path.suffix.lower() == ".safetensors":
        return True
    start = _start(path)  # the length of a header, then the header as JSON
    return len(start) > 8 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**32


def saved_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a file of torch, on the CPU, by their names without those of wrappers.

    A tensor inside dicts is named by their keys and its own, joined with dots. Raises WeightsError
    for what is no file of plain tensors, each of numbers that all lie in it.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                size = sum(member.file_size for member in archive.infolist())
            if size > path.stat().st_size:  # torch stores and never packs
                raise WeightsError(f"'{path}' is packed as torch packs no file; save it anew.")
        tensors = _flat(torch.load(path, map_location="cpu", weights_only=True))
    except WeightsError:
        raise
    except Exception as error:
        start = _start(path)
        if not start or (start.startswith(ZIP) and not zipfile.is_zipfile(path)):
            raise WeightsError(
                f"'{path}' is {'cut short' if start else 'empty'}; copy or download it again."
            ) from error
        raise WeightsError(
            f"'{path}' cannot be read as plain tensors ({type(error).__name__}); save the state "
            "dict alone, as safetensors or with torch.save."
        ) from error
    if not tensors:
        raise WeightsError(f"'{path}' holds no tensors; save the state dict alone.")
    for name, value in tensors.items():
        if value.layout != torch.strided or value.is_quantized or value.is_meta:
            raise WeightsError(
                f"'{path}' holds {name} sparse, quantised or without numbers; save it as a plain "
                "tensor."
            )
    return unwrapped(path, {name: value.detach() for name, value in tensors.items()})


def unwrapped(path: Path, tensors: dict[str, Value]) -> dict[str, Value]:
    """Tensors by their names without wrappers' parts; raises WeightsError where two become one.

    >>> unwrapped(Path("a.pt"), {"state_dict.model.fc._orig_mod.0.bias": 1, "module.scale": 2})
    {'fc.0.bias': 1, 'scale': 2}
    """
    named: dict[str, Value] = {}
    for name, value in tensors.items():
        first, *parts = name.split(".")
        while parts and first in AROUND:
            first, *parts = parts
        own = ".".join([first, *(part for part in parts if part not in INSIDE)])
        if own in named:
            raise WeightsError(f"'{path}' holds {own} twice, also as {name}; save one of them.")
        named[own] = value
    return named


def ordered(content: bytes) -> bytes:
    """A file of safetensors with its facts in order, so that equal ones are equal bytes.

    The library writes them in an order that changes. The layout is safetensors' own: the header's
    length in 8 bytes, the header as JSON, padded to 8 bytes, then the tensors.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[end:]


def _start(path: Path) -> bytes:
    """The first bytes of a file; none where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(16)
    except OSError:
        return b""


def _flat(value: object, name: str = "") -> dict[str, torch.Tensor]:
    """Tensors in dicts of dicts, by the keys on the way to each, joined with dots."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    rows = value.items() if isinstance(value, dict) else ()
    parts = [_flat(inner, f"{name}.{key}" if name else str(key)) for key, inner in rows]
    return {inner: tensor for part in parts for inner, tensor in part.items()}
