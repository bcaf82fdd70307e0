"""Dice against normalised brain depth: -1 the most inferior brain slice, +1 the most superior."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zsad_core.types import FloatArray, read_only

BINS = 20


@dataclass(frozen=True)
class DepthCurve:
    """Mean 2D Dice in equal bins of depth over [-1, 1]; every array is (bins,).

    `dice` is NaN in a bin that no slice entered; `slices` counts those that entered, and
    `lesion_slices` the slices with lesion, whatever the empty-slice rule.
    """

    centres: FloatArray
    dice: FloatArray
    slices: NDArray[np.int64]
    lesion_slices: NDArray[np.int64]


def depth_curve(
    depths: FloatArray, dice: FloatArray, lesion_pixels: NDArray[np.int64], bins: int = BINS
) -> DepthCurve:
    """The curve of slices given by depth, 2D Dice and lesion pixels, each (S,).

    Slices of NaN depth are outside the brain and left out; slices of NaN Dice do not enter the
    mean. Slices of several subjects may be concatenated: each slice weighs the same.

    >>> curve = depth_curve(np.array([-1, -0.5, 1]), np.array([0.2, 0.4, np.nan]),
    ...                     np.array([3, 1, 0]), bins=2)
    >>> curve.centres.tolist(), curve.slices.tolist(), curve.lesion_slices.tolist()
    ([-0.5, 0.5], [2, 0], [2, 0])
    >>> curve.dice.round(3).tolist()
    [0.3, nan]
    """
    if not depths.shape == dice.shape == lesion_pixels.shape:
        raise ValueError(f"shapes differ: {depths.shape}, {dice.shape}, {lesion_pixels.shape}")
    place = bin_of(depths, bins)
    entered = (place >= 0) & ~np.isnan(dice)
    total = np.bincount(place[entered], weights=dice[entered], minlength=bins).astype(float)
    slices = np.bincount(place[entered], minlength=bins)
    lesion = np.bincount(place[(place >= 0) & (lesion_pixels > 0)], minlength=bins)
    return _curve(total, slices, lesion)


def pooled(curves: Sequence[DepthCurve]) -> DepthCurve:
    """One curve over several subjects with the same bins; each slice weighs the same.

    >>> one = depth_curve(np.array([0.5]), np.array([0.2]), np.array([1]), bins=1)
    >>> two = depth_curve(np.array([0.5, 0]), np.array([0.4, 0.6]), np.array([1, 1]), bins=1)
    >>> pooled([one, two]).dice.round(3).tolist()
    [0.4]
    """
    if not curves or len({len(curve.centres) for curve in curves}) != 1:
        raise ValueError("pooling needs at least one curve, and curves of the same bins")
    totals = [np.nan_to_num(curve.dice) * curve.slices for curve in curves]
    return _curve(
        np.sum(totals, axis=0),
        np.sum([curve.slices for curve in curves], axis=0),
        np.sum([curve.lesion_slices for curve in curves], axis=0),
    )


def bin_of(depths: FloatArray, bins: int = BINS) -> NDArray[np.int64]:
    """Bin (S,) of each depth (S,); -1 for NaN. +1 belongs to the last bin.

    >>> bin_of(np.array([-1, 0, 1, np.nan]), bins=2).tolist()
    [0, 1, 1, -1]
    """
    inside = np.isfinite(depths)
    place = np.full(depths.shape, -1, dtype=np.int64)
    place[inside] = np.clip(np.floor((depths[inside] + 1) / 2 * bins), 0, bins - 1)
    return place


def _curve(total: FloatArray, slices: NDArray[np.int64], lesion: NDArray[np.int64]) -> DepthCurve:
    bins = len(slices)
    dice = np.full(bins, np.nan)
    np.divide(total, slices, out=dice, where=slices > 0)
    centres = (np.arange(bins) + 0.5) / bins * 2 - 1
    return DepthCurve(*(read_only(one) for one in (centres, dice, slices, lesion)))
