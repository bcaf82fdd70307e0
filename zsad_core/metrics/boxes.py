"""Boxes round masks."""

import numpy as np

from zsad_core.types import MaskArray


def box_of(mask: MaskArray) -> tuple[slice, ...]:
    """The bounding box of a mask; of an empty one its first element."""
    box = []
    for axis in range(mask.ndim):
        filled = np.flatnonzero(np.moveaxis(mask, axis, 0).any(axis=tuple(range(1, mask.ndim))))
        first, last = (int(filled[0]), int(filled[-1])) if len(filled) else (0, 0)
        box.append(slice(first, last + 1))
    return tuple(box)
