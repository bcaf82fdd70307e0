"""What a method's checkpoint holds: the official files, and whether tensors fit a backbone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsad_core.backbones.lazy import torch
from zsad_core.errors import WeightsError
from zsad_core.types import FloatArray

Shapes = Mapping[str, tuple[int | None, ...]]
"""Shape of each tensor by name; None stands for any length."""


def read_official(path: Path, prefix: str) -> dict[str, NDArray[Any]]:
    """Tensors of a published checkpoint whose names begin with the prefix, without it.

    A tensor inside a dict is named by the dict's key, a dot and its own. Floats become float32,
    integers stay what they are. A file `image_adapter….pth` is half of AA-CLIP's checkpoint:
    `text_adapter.pth` beside it is read too. Nothing in the file is run (`weights_only`). Raises
    WeightsError.
    """
    found = _loaded(path)
    beside = path.with_name("text_adapter.pth")
    if path.name.startswith("image_adapter") and beside.is_file():
        found = _loaded(beside) | found
    tensors = {
        name.removeprefix(prefix): (value.float() if value.is_floating_point() else value).numpy()
        for name, value in found.items()
        if name.startswith(prefix)
    }
    if not tensors:
        keys = ", ".join(dict.fromkeys(name.partition(".")[0] for name in found)) or "no tensors"
        raise WeightsError(
            f"'{path}' holds {keys[:80]}; expected tensors named {prefix}…, so choose another file."
        )
    return tensors


def _loaded(path: Path) -> dict[str, torch.Tensor]:
    try:
        return _flat(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise WeightsError(
            f"'{path}' cannot be read as plain tensors ({type(error).__name__}); get it again."
        ) from error


def _flat(value: object, name: str = "") -> dict[str, torch.Tensor]:
    """Tensors in dicts of dicts, by the keys on the way to each, joined with dots."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    rows = value.items() if isinstance(value, dict) else ()
    parts = [_flat(inner, f"{name}.{key}" if name else str(key)) for key, inner in rows]
    return {inner: tensor for part in parts for inner, tensor in part.items()}


def wanted(tensors: Mapping[str, NDArray[Any]], shapes: Shapes) -> dict[str, FloatArray]:
    """The named tensors in float32; raises WeightsError naming the first that does not fit."""
    for name, shape in shapes.items():
        found = tensors[name].shape if name in tensors else ()
        same = [size in (found_size, None) for size, found_size in zip(shape, found, strict=False)]
        if len(found) != len(shape) or not all(same):
            size = str(tensors[name].shape) if name in tensors else "missing"
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            comma = "," if len(shape) == 1 else ""
            raise WeightsError(f"{name} is {size}, expected ({expected}{comma})")
        if not np.issubdtype(tensors[name].dtype, np.floating):
            raise WeightsError(f"{name} is {tensors[name].dtype}, expected floating point numbers")
    return {name: np.asarray(tensors[name], np.float32) for name in shapes}
