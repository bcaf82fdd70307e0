"""Fewer levels of a map for display and rows, cut so that every mask they allow is the server's.

A voxel has level k where thresholds[k] <= value < thresholds[k + 1], so `level >= k` is the mask
`value >= thresholds[k]`, voxel by voxel. What ranks never reads levels.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from zsad_core.types import ByteArray, FloatArray, MaskArray

LEVELS = 256
BY_VALUE = 96  # thresholds in even steps of the value; the others follow the ranks
_CUT = 12  # bits of a float32 left out where it names a row of the table
_BLOCK = 2**16  # values at once: they stay in the processor's cache


def thresholds_of(values: FloatArray, marks: Iterable[float] = ()) -> FloatArray:
    """(256,) float32 ascending thresholds for values (N,) of 0 or more; the first is 0.

    Some lie in even steps between the least and the greatest value. Between the others the share of
    values at or above falls by equal factors, from all to one, which keeps the ranks of crowded
    values. `marks`, at most 127, are included. The last is repeated to fill.

    >>> thresholds_of(np.array([0.5, 0.25], np.float32), [0.375])[[0, 1, -1]].tolist()
    [0.0, 0.25, 0.5]
    """
    thresholds = np.array([0.0, *marks], np.float32)[: LEVELS // 2]
    if len(values):
        ordered = np.sort(np.asarray(values, np.float32))
        even = np.linspace(ordered[0], ordered[-1], BY_VALUE, dtype=np.float32)
        thresholds = _filled(np.unique(thresholds), np.unique(even))
        shares = np.geomspace(1, 1 / len(ordered), 2 * LEVELS)
        index = np.minimum((len(ordered) * (1 - shares)).astype(int), len(ordered) - 1)
        thresholds = _filled(thresholds, np.unique(ordered[index]))
    thresholds = np.unique(np.maximum(thresholds, 0))
    return np.pad(thresholds, (0, LEVELS - len(thresholds)), mode="edge")


def quantise(values: FloatArray, thresholds: FloatArray) -> ByteArray:
    """Levels (uint8) of float32 values of 0 or more, of any shape: the last threshold reached.

    Raises ValueError for a value below 0 or NaN.

    >>> thresholds = np.array([0, 0.2, 0.4], np.float32)
    >>> quantise(np.array([0.0, 0.2, 0.5], np.float32), thresholds).tolist()
    [0, 1, 2]
    """
    values = np.ascontiguousarray(values, np.float32)
    if values.size and not values.min() >= 0:
        raise ValueError(f"a map holds {values.min()}, and levels are of values of 0 or more")
    starts = np.arange(0, 1 << 31, 1 << _CUT, dtype=np.uint32)
    first = _level(starts, thresholds)
    several = first != _level(starts + np.uint32((1 << _CUT) - 1), thresholds)
    levels = np.empty(values.size, np.uint8)
    for start in range(0, values.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        # Bits are ordered as the values are, none being negative; + 0 makes -0 a 0.
        bits = (values.ravel()[part] + np.float32(0)).view(np.uint32)
        rows = bits >> _CUT
        levels[part] = first.take(rows)
        split = np.flatnonzero(several.take(rows))
        levels[start + split] = _level(bits[split], thresholds)
    return levels.reshape(values.shape)


def histograms(levels: ByteArray, brain: MaskArray, truth: MaskArray) -> NDArray[np.int64]:
    """Pixels of each slice at each level (S, 2, 256), healthy brain then lesion in the brain.

    All inputs are (S, H, W). A slice without brain is all zero.

    >>> levels = np.array([[[7, 7, 9]]], dtype=np.uint8)
    >>> brain, truth = np.array([[[1, 1, 0]]], dtype=bool), np.array([[[0, 1, 1]]], dtype=bool)
    >>> histograms(levels, brain, truth)[0, :, [7, 9]].tolist()
    [[1, 1], [0, 0]]
    """
    counts = np.zeros((len(levels), 2, LEVELS), dtype=np.int64)
    for s in np.flatnonzero(brain.any(axis=(1, 2))):
        for row, mask in enumerate((brain[s] & ~truth[s], brain[s] & truth[s])):
            counts[s, row] = np.bincount(levels[s][mask], minlength=LEVELS)
    return counts


def _level(bits: NDArray[np.uint32], thresholds: FloatArray) -> ByteArray:
    cuts = thresholds.astype(np.float32).view(np.uint32)
    return (np.searchsorted(cuts, bits, side="right") - 1).astype(np.uint8)


def _filled(thresholds: FloatArray, candidates: FloatArray) -> FloatArray:
    """The thresholds, and as many further candidates, evenly chosen, as there is room for."""
    room, candidates = LEVELS - len(thresholds), np.setdiff1d(candidates, thresholds)
    if len(candidates) > room:
        candidates = candidates[np.linspace(0, len(candidates) - 1, room).astype(int)]
    return np.union1d(thresholds, candidates)
