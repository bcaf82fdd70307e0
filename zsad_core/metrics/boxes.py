"""Boxes round masks."""

import numpy as np

from zsad_core.types import MaskArray


def box_of(mask: MaskArray) -> tuple[slice, ...]:
    """The bounding box of a mask that is not empty."""
    box = []
    for axis in range(mask.ndim):
        filled = np.flatnonzero(np.moveaxis(mask, axis, 0).any(axis=tuple(range(1, mask.ndim))))
        box.append(slice(int(filled[0]), int(filled[-1]) + 1))
    return tuple(box)
