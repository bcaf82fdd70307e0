"""Arrays as chunks for the browser: some slices of a volume, or all of them."""

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from isal import igzip

from pages.ui.viewer.payload import ViewerVolume
from zsad_core.metrics.boxes import box_of
from zsad_core.metrics.levels import quantise
from zsad_core.types import ByteArray, FloatArray, MaskArray

BRAIN, TRUTH, LABEL_SHIFT = 1, 2, 2  # bits of the flag byte, as in flags.js
LABEL_MOST = 63
SLAB_VOXELS = 16 * 2**20  # a larger volume comes in parts of about this many voxels


def slabs(shape: tuple[int, int, int]) -> list[range]:
    """The slices of (S, H, W) in parts of at most SLAB_VOXELS, at least one slice each.

    >>> slabs((155, 240, 240)), len(slabs((400, 512, 512)))
    ([range(0, 155)], 7)
    """
    slices, height, width = shape
    most = max(1, SLAB_VOXELS // (height * width))
    return [range(start, min(start + most, slices)) for start in range(0, slices, most)]


def pack_volume(volume: ViewerVolume, key: str, part: range) -> bytes:
    """Some slices as a chunk: image bytes, then flag bytes (1 brain, 2 truth, 4 … label)."""
    slices = slice(part.start, part.stop)
    flags = volume.brain[slices].astype(np.uint8) * BRAIN
    if volume.truth is not None:
        flags |= volume.truth[slices].astype(np.uint8) * TRUTH
        if volume.labels is not None:
            flags |= np.where(volume.truth[slices], volume.labels[slices], 0) << LABEL_SHIFT
    more = {"truth": volume.truth is not None, "brain": brain_bounds(volume.brain)}
    return _chunk(key, volume.image.shape, part, [volume.image[slices], flags], more)


def brain_bounds(brain: MaskArray) -> tuple[list[int], list[int]]:
    """First and last edge of the brain along each axis of (S, H, W); of all where there is none.

    >>> brain_bounds(np.array([[[False, True, True, False]]]))
    ([0, 0, 1], [1, 1, 3])
    """
    sides = box_of(brain) if brain.any() else [slice(0, size) for size in brain.shape]
    return [side.start for side in sides], [side.stop for side in sides]


def pack_map(values: FloatArray, thresholds: FloatArray, key: str, part: range) -> bytes:
    """Some slices of a map (S, H, W) as a chunk of levels, cut at the thresholds."""
    levels = quantise(values[part.start : part.stop], thresholds)
    return _chunk(key, values.shape, part, [levels], {})


def _chunk(
    key: str,
    shape: tuple[int, ...],
    part: range,
    arrays: Sequence[ByteArray],
    more: Mapping[str, Any],
) -> bytes:
    for array in arrays:
        if array.dtype != np.uint8:
            raise ValueError(f"the viewer takes uint8 arrays, not {array.dtype}")
    header = {"hash": key, "shape": shape, "arrays": len(arrays)}
    header |= {"first": part.start, "count": len(part), **more}
    text = json.dumps(header).encode()
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return struct.pack("<I", len(text)) + text + igzip.compress(body, 1, mtime=0)
