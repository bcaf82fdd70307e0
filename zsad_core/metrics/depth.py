"""Dice against normalised brain depth: -1 the most inferior brain slice, +1 the most superior.

Depths fall into equal bins for curves and into thirds for tables; each rule stands here once, for
arrays and as SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zsad_core.metrics.intervals import intervals
from zsad_core.types import FloatArray, read_only

BINS = 20
EDGE = 1e-9  # of a bin: -0.8 is the first depth of bin 2, though its floating point lies below


@dataclass(frozen=True)
class DepthCurve:
    """Mean 2D Dice in equal bins of depth over [-1, 1]; every array is (bins,).

    `dice` is NaN in a bin that no slice entered; `slices` counts those that entered, and
    `lesion_slices` the slices with lesion, whatever the empty-slice rule. `low` and `high` are the
    ends of the 95 % interval over the patients of a bin, NaN of fewer than `intervals.FEWEST`.
    """

    centres: FloatArray
    dice: FloatArray
    slices: NDArray[np.int64]
    lesion_slices: NDArray[np.int64]
    low: FloatArray
    high: FloatArray


def depth_curve(
    depths: FloatArray,
    dice: FloatArray,
    lesion_pixels: NDArray[np.int64],
    patients: Sequence[str],
    bins: int = BINS,
) -> DepthCurve:
    """The curve of slices given by depth, 2D Dice, lesion pixels and patient, each (S,).

    Slices of NaN depth are outside the brain and left out; slices of NaN Dice do not enter the
    mean. Slices of several subjects may be concatenated: each slice weighs the same.

    >>> curve = depth_curve(np.array([-1, -0.5, 1]), np.array([0.2, 0.4, np.nan]),
    ...                     np.array([3, 1, 0]), ["a", "a", "b"], bins=2)
    >>> curve.centres.tolist(), curve.slices.tolist(), curve.lesion_slices.tolist()
    ([-0.5, 0.5], [2, 0], [2, 0])
    >>> curve.dice.round(3).tolist()
    [0.3, nan]
    """
    shapes = (depths.shape, dice.shape, lesion_pixels.shape, (len(patients),))
    if len(set(shapes)) > 1:
        raise ValueError(f"shapes differ: {', '.join(map(str, shapes))}")
    index = bin_of(depths, bins)
    counted = (index >= 0) & ~np.isnan(dice)
    total = np.bincount(index[counted], weights=dice[counted], minlength=bins).astype(float)
    slices = np.bincount(index[counted], minlength=bins)
    lesion = np.bincount(index[(index >= 0) & (lesion_pixels > 0)], minlength=bins)
    mean = np.full(bins, np.nan)
    np.divide(total, slices, out=mean, where=slices > 0)
    centres = (np.arange(bins) + 0.5) / bins * 2 - 1
    of_slices = np.asarray(patients, str)[counted].tolist()
    of_bins = intervals(of_slices, index[counted], dice[counted], np.ones(len(of_slices)))
    ends = np.full((2, bins), np.nan)
    ends[:, : len(of_bins[0])] = of_bins
    return DepthCurve(*(read_only(array) for array in (centres, mean, slices, lesion, *ends)))


def bin_of(depths: FloatArray, bins: int = BINS) -> NDArray[np.int64]:
    """Bin (S,) of each depth (S,); -1 for NaN. An edge belongs to the bin above, +1 to the last.

    >>> bin_of(np.array([-1, 0, 1, np.nan]), bins=2).tolist()
    [0, 1, 1, -1]
    """
    index = np.minimum(np.floor((depths + 1) / 2 * bins + EDGE), bins - 1)
    return np.where(np.isfinite(depths), index, -1).astype(np.int64)


def bin_sql(depth: str, bins: int = BINS) -> str:
    """The same as an SQL expression over a column of depths, NULL for those without."""
    index = f"least(floor(({depth} + 1) / 2 * {bins} + {EDGE}), {bins - 1})"  # of NULL the last bin
    return f"CASE WHEN {depth} IS NULL THEN -1 ELSE {index} END::INT1"


def third_of(depths: FloatArray) -> NDArray[np.int64]:
    """Third (S,) of depths (S,): 0 inferior, 1 middle with both its limits, 2 superior; -1 of NaN.

    >>> third_of(np.array([-1, -1 / 3, 1 / 3, 0.4, np.nan])).tolist()
    [0, 1, 1, 2, -1]
    """
    index = (depths >= -1 / 3).astype(np.int64) + (depths > 1 / 3)
    return np.where(np.isfinite(depths), index, -1)


def third_sql(depth: str) -> str:
    """The same as an SQL expression over a column of depths, NULL for those without."""
    return (
        f"CASE WHEN {depth} < -1.0 / 3 THEN 0 WHEN {depth} <= 1.0 / 3 THEN 1 "
        f"WHEN {depth} > 1.0 / 3 THEN 2 ELSE -1 END::INT1"
    )
