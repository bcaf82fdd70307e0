"""What a method's checkpoint holds: the official files, and whether tensors fit a backbone."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from zsad_core.errors import WeightsError
from zsad_core.types import FloatArray

Shapes = Mapping[str, tuple[int | None, ...]]
"""Shape of each tensor by name; None stands for any length."""


def read_official(path: Path, key: str) -> dict[str, FloatArray]:
    """The tensors under the one key of a published checkpoint, as float32.

    Nothing in the file is run (`weights_only`). Raises WeightsError.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(
            f"'{path}' cannot be read as plain tensors ({type(error).__name__}); get it again."
        ) from error
    state = found.get(key) if isinstance(found, dict) else None
    if not isinstance(state, dict):
        keys = ", ".join(map(str, found)) if isinstance(found, dict) else type(found).__name__
        raise WeightsError(f"'{path}' holds {keys[:80]}; expected the key {key}.")
    tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    return {str(name): np.asarray(value.float().numpy()) for name, value in tensors.items()}


def wanted(tensors: Mapping[str, FloatArray], shapes: Shapes) -> dict[str, FloatArray]:
    """The named tensors in float32; raises WeightsError naming the first that does not fit."""
    for name, shape in shapes.items():
        found = tensors[name].shape if name in tensors else ()
        same = [size in (found_size, None) for size, found_size in zip(shape, found, strict=False)]
        if len(found) != len(shape) or not all(same):
            size = str(tensors[name].shape) if name in tensors else "missing"
            expected = ", ".join("any" if size is None else str(size) for size in shape)
            comma = "," if len(shape) == 1 else ""
            raise WeightsError(f"{name} is {size}, expected ({expected}{comma})")
    return {name: np.asarray(tensors[name], np.float32) for name in shapes}
