"""What a method's checkpoint holds: the official files, and whether tensors fit a backbone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import load_file as numpy_file

from zsad_core.backbones.lazy import torch
from zsad_core.backbones.tensor_files import is_safetensors, saved_tensors, unwrapped
from zsad_core.base.wording import listed
from zsad_core.errors import WeightsError
from zsad_core.types import FloatArray, Tensors

Shapes = Mapping[str, tuple[int | None, ...]]
"""Shape of each tensor by name; None stands for any length."""
NUMPY = {"F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL"}


def read(path: Path, prefix: str) -> dict[str, NDArray[Any]]:
    """Tensors of a checkpoint by their names behind the prefix, which safetensors may leave out.

    Floats of other kinds than numpy's become float32. A file `image_adapter….pth` is half of
    AA-CLIP's checkpoint: `text_adapter.pth` beside it is read too. Raises WeightsError.
    """
    if is_safetensors(path):
        stored = unwrapped(path, _safetensors(path))
        if not any(name.startswith(prefix) for name in stored):
            return stored
    else:
        stored = _numpy(saved_tensors(path))
        beside = path.with_name("text_adapter.pth")
        if path.name.startswith("image_adapter") and beside.is_file():
            stored = _numpy(saved_tensors(beside)) | stored
    named = {name: value for name, value in stored.items() if name.startswith(prefix)}
    tensors = {name.removeprefix(prefix): value for name, value in named.items()}
    if not tensors:
        keys = ", ".join(dict.fromkeys(name.partition(".")[0] for name in stored)) or "no tensors"
        raise WeightsError(
            f"'{path}' holds {keys[:80]}; expected tensors named {prefix}…, so choose another file."
        )
    return tensors


def _safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Tensors of a safetensors file; torch is asked for the types that numpy lacks alone."""
    try:
        with safe_open(path, "np") as file:
            kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
        if kinds <= NUMPY:
            return numpy_file(path)
        from safetensors.torch import load_file as torch_file  # loads torch

        return _numpy(torch_file(path))
    except Exception as error:  # the library raises what it meets
        raise WeightsError(f"'{path}' is not a whole safetensors file ({error}).") from error


def _numpy(tensors: Mapping[str, torch.Tensor]) -> dict[str, NDArray[Any]]:
    """Floats as float32, integers as they are."""
    return {
        name: (value.float() if value.is_floating_point() else value).numpy()
        for name, value in tensors.items()
    }


def by_group(tensors: Tensors) -> dict[str, dict[str, torch.Tensor]]:
    """Tensors named GROUP.NAME as a dict of each group."""
    groups: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    for name, value in tensors.items():
        group, _, member = name.partition(".")
        groups[group][member] = torch.from_numpy(value)
    return dict(groups)


def select(tensors: Mapping[str, NDArray[Any]], shapes: Shapes) -> dict[str, FloatArray]:
    """The named tensors in float32; raises WeightsError naming the first that does not fit."""
    chosen = dict[str, FloatArray]()
    for name, shape in shapes.items():
        stored = tensors[name].shape if name in tensors else ()
        fits = [size in (length, None) for size, length in zip(shape, stored, strict=False)]
        if len(stored) != len(shape) or not all(fits):
            size = str(tensors[name].shape) if name in tensors else "missing"
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            comma = "," if len(shape) == 1 else ""
            holds = "" if name in tensors else f", among {listed(tensors, 3) or 'no tensors'}"
            raise WeightsError(f"{name} is {size}, expected ({expected}{comma}){holds}")
        if not np.issubdtype(tensors[name].dtype, np.floating):
            raise WeightsError(f"{name} is {tensors[name].dtype}, expected floating point numbers")
        with np.errstate(over="ignore"):
            chosen[name] = np.asarray(tensors[name], np.float32)  # infinite beyond its range
        if not np.isfinite(chosen[name]).all():
            raise WeightsError(
                f"{name} holds NaN or infinite numbers, or such as float32 cannot hold, as a "
                "failed training does"
            )
    return chosen
