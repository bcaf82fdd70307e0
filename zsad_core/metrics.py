"""Overlap and ranking metrics: pure functions, truth before predicted.

Two histograms of a map's 256 levels, over lesion and healthy brain, give Dice, AUROC, AP exactly.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zsad_core.types import ByteArray, FloatArray, MaskArray

EmptySlices = Literal["lesion_only", "nan", "both_empty_one"]
Histogram = NDArray[np.int64]
Counts = NDArray[np.int64]
EMPTY: dict[EmptySlices, str] = {
    "lesion_only": "slices without lesion left out",
    "nan": "slices empty in truth and prediction left out, false alarms count 0",
    "both_empty_one": "slices empty in truth and prediction count 1, false alarms 0",
}
LEVELS = 256
HEALTHY, LESION = 0, 1  # rows of a histogram, in the order of the text classes


@dataclass(frozen=True)
class MeanDice:
    """Mean 2D Dice, how many slices entered it, and the empty-slice rule it was made under.

    `value` is NaN where no slice entered.
    """

    value: float
    slices_counted: int
    rule: EmptySlices


def dice_3d(truth: MaskArray, predicted: MaskArray) -> float:
    """Dice of two masks (S, H, W), 0 to 1; NaN without truth, whatever is predicted.

    >>> dice_3d(np.array([[[1, 1, 0]]], dtype=bool), np.array([[[1, 0, 0]]], dtype=bool))
    0.6666666666666666
    """
    _one_shape(truth, predicted)
    lesion = np.count_nonzero(truth)
    if lesion == 0:
        return float("nan")
    both = np.count_nonzero(truth & predicted)
    return float(2 * both / (lesion + np.count_nonzero(predicted)))


def dice_per_slice(
    truth: MaskArray, predicted: MaskArray, empty_slices: EmptySlices = "lesion_only"
) -> FloatArray:
    """Dice (S,) of each slice of two masks (S, H, W), 0 to 1.

    A slice without truth is NaN under "lesion_only"; under the other rules it is 0 where something
    is predicted, and where nothing is, NaN under "nan" and 1 under "both_empty_one".

    >>> truth = np.array([[[1]], [[0]], [[0]]], dtype=bool)
    >>> predicted = np.array([[[1]], [[1]], [[0]]], dtype=bool)
    >>> dice_per_slice(truth, predicted, "both_empty_one").tolist()
    [1.0, 0.0, 1.0]
    """
    _one_shape(truth, predicted)
    both = pixels_per_slice(truth & predicted)
    return dice_of_counts(pixels_per_slice(truth), pixels_per_slice(predicted), both, empty_slices)


def dice_of_counts(
    truth: Counts, predicted: Counts, both: Counts, empty_slices: EmptySlices = "lesion_only"
) -> FloatArray:
    """Dice, 0 to 1, from numbers of pixels in arrays of one shape; empty cases as in 2D Dice.

    >>> dice_of_counts(np.array([2, 0]), np.array([2, 0]), np.array([1, 0])).tolist()
    [0.5, nan]
    """
    total = truth + predicted
    dice = np.full(total.shape, np.nan)
    np.divide(2.0 * both, total, out=dice, where=total > 0)
    if empty_slices == "lesion_only":
        dice[truth == 0] = np.nan
    elif empty_slices == "both_empty_one":
        dice[total == 0] = 1.0
    elif empty_slices != "nan":
        raise ValueError(f"unknown empty-slice rule {empty_slices!r}")
    return dice


def mean_dice(dice: FloatArray, rule: EmptySlices) -> MeanDice:
    """Mean over the slices of dice (S,) that are not NaN; NaN when there is none.

    >>> mean_dice(np.array([1.0, np.nan, 0.5]), "lesion_only")
    MeanDice(value=0.75, slices_counted=2, rule='lesion_only')
    """
    counted = dice[~np.isnan(dice)]
    value = float(counted.mean()) if counted.size else float("nan")
    return MeanDice(value, int(counted.size), rule)


def pixels_per_slice(mask: MaskArray) -> Counts:
    """Number of pixels (S,) set in each slice of a mask (S, H, W).

    >>> pixels_per_slice(np.array([[[True, True]], [[False, False]]])).tolist()
    [2, 0]
    """
    return np.array([np.count_nonzero(one) for one in mask], dtype=np.int64)


def histograms(levels: ByteArray, brain: MaskArray, truth: MaskArray) -> Histogram:
    """Voxels at each level (S, 2, 256), healthy brain then lesion; all inputs are (S, H, W).

    Voxels outside the brain are not counted; a slice without brain is all zero.

    >>> levels = np.array([[[7, 7, 9]]], dtype=np.uint8)
    >>> brain, truth = np.array([[[1, 1, 0]]], dtype=bool), np.array([[[0, 1, 1]]], dtype=bool)
    >>> histograms(levels, brain, truth)[0, :, [7, 9]].tolist()
    [[1, 1], [0, 0]]
    """
    _one_shape(truth, levels)
    _one_shape(truth, brain)
    found = np.zeros((len(levels), 2, LEVELS), dtype=np.int64)
    for s in range(len(levels)):
        inside = levels[s][brain[s]]  # (brain pixels,)
        if inside.size == 0:
            continue
        every = np.bincount(inside, minlength=LEVELS)
        if truth[s].any():
            lesion = levels[s][brain[s] & truth[s]]
            found[s, LESION] = np.bincount(lesion, minlength=LEVELS)
        found[s, HEALTHY] = every - found[s, LESION]
    return found


def dice_at_levels(histogram: Histogram, empty_slices: EmptySlices = "lesion_only") -> FloatArray:
    """Dice inside the brain at all 256 thresholds: (…, 256) from (…, 2, 256), 0 to 1.

    (S, 2, 256) gives 2D Dice of each slice; its sum over S gives the 3D Dice. The empty cases
    are those of 2D Dice.

    >>> histogram = np.zeros((2, 256), dtype=np.int64)
    >>> histogram[0, 10], histogram[1, 20] = 2, 2
    >>> dice_at_levels(histogram)[[10, 11, 21]].tolist()
    [0.6666666666666666, 1.0, 0.0]
    """
    reached = _at_least(histogram)  # (…, 2, 256)
    both = reached[..., LESION, :]
    truth = np.broadcast_to(both[..., :1], both.shape)
    return dice_of_counts(truth, reached.sum(axis=-2), both, empty_slices)


def best_dice(histogram: Histogram) -> float:
    """The highest 3D Dice over all thresholds, from (2, 256): an oracle; NaN without lesion.

    >>> histogram = np.zeros((2, 256), dtype=np.int64)
    >>> histogram[1, 20] = 2
    >>> best_dice(histogram)
    1.0
    """
    return float(dice_at_levels(histogram).max())


def auroc(histogram: Histogram) -> float:
    """Voxel AUROC inside the brain from (2, 256), 0 to 1; ties count half.

    NaN where there is no lesion or no healthy voxel.

    >>> histogram = np.zeros((2, 256), dtype=np.int64)
    >>> histogram[0, [10, 20]], histogram[1, 20] = 1, 1
    >>> auroc(histogram)
    0.75
    """
    healthy, lesion = histogram[HEALTHY].astype(float), histogram[LESION].astype(float)
    pairs = healthy.sum() * lesion.sum()
    if pairs == 0:
        return float("nan")
    below = np.cumsum(healthy) - healthy
    return float((lesion * (below + healthy / 2)).sum() / pairs)


def average_precision(histogram: Histogram) -> float:
    """Voxel average precision inside the brain from (2, 256): sum of precision x recall gained.

    0 to 1, its floor near the lesion's share of the brain; NaN without lesion.

    >>> histogram = np.zeros((2, 256), dtype=np.int64)
    >>> histogram[0, [10, 20]], histogram[1, 20] = 1, 1
    >>> average_precision(histogram)
    0.5
    """
    lesion = histogram[LESION].astype(float)
    if lesion.sum() == 0:
        return float("nan")
    reached = _at_least(histogram)
    precision = reached[LESION] / np.maximum(reached.sum(axis=0), 1)
    return float((precision * lesion).sum() / lesion.sum())


def _at_least(histogram: Histogram) -> Histogram:
    return np.cumsum(histogram[..., ::-1], axis=-1)[..., ::-1]


def _one_shape(truth: NDArray[np.generic], other: NDArray[np.generic]) -> None:
    if truth.shape != other.shape:
        raise ValueError(f"truth {truth.shape} and the other array {other.shape} differ in shape")
