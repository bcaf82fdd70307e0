"""Dice and its empty cases, from counts: the one rule that Python, SQL and the browser follow.

Where the truth holds a lesion, Dice is 2 x overlap / (truth + predicted). Without one it is what an
`EmptyRule` says. A volume without lesion has no Dice under any rule: what is predicted there is a
false alarm and counted apart. In 2D the user chooses among `EMPTY_RULES`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zsad_core.types import FloatArray, MaskArray

EmptySlices = Literal["lesion_only", "nan", "both_empty_one"]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class EmptyRule:
    """Dice where the truth is empty: of a false `alarm`, and where nothing is predicted (`empty`).

    None is no Dice: such a slice is left out of a mean.
    """

    words: str
    alarm: float | None
    empty: float | None


EMPTY_RULES: dict[EmptySlices, EmptyRule] = {
    "lesion_only": EmptyRule("slices without lesion left out", None, None),
    "nan": EmptyRule(
        "slices empty in truth and prediction excluded, false alarms count 0", 0.0, None
    ),
    "both_empty_one": EmptyRule(
        "slices empty in truth and prediction count 1, false alarms 0", 0.0, 1.0
    ),
}


@dataclass(frozen=True)
class MeanDice:
    """Mean 2D Dice, NaN of no slice, how many slices entered it, and the empty-slice rule."""

    value: float
    slices_counted: int
    rule: EmptySlices


def dice(
    truth: ArrayLike,
    predicted: ArrayLike,
    overlap: ArrayLike,
    empty_slices: EmptySlices = "lesion_only",
) -> FloatArray:
    """Dice, 0 to 1, of numbers of voxels that broadcast; NaN for none, ValueError for no such rule.

    >>> dice(np.array([2, 0]), np.array([2, 0]), np.array([1, 0])).tolist()
    [0.5, nan]
    >>> float(dice(0, 3, 0, "nan"))
    0.0
    """
    if empty_slices not in EMPTY_RULES:
        raise ValueError(f"unknown empty-slice rule {empty_slices!r}")
    rule = EMPTY_RULES[empty_slices]
    truth, predicted, overlap = np.broadcast_arrays(truth, predicted, overlap)
    values = np.where(
        predicted > 0, *(np.nan if value is None else value for value in (rule.alarm, rule.empty))
    )
    np.divide(2.0 * overlap, truth + predicted, out=values, where=truth > 0)
    return values


def dice_3d(truth: float, predicted: float, overlap: float) -> float:
    """Dice of a volume from its numbers of voxels; NaN without lesion, whatever is predicted.

    >>> dice_3d(2, 1, 1)
    0.6666666666666666
    """
    return float(dice(truth, predicted, overlap, "lesion_only"))


def dice_sql(empty_slices: EmptySlices = "lesion_only") -> str:
    """The same as an SQL expression over columns truth, predicted and overlap; NULL for no Dice.

    >>> dice_sql("nan")[:40]
    'CASE WHEN truth > 0 THEN 2.0 * overlap /'
    """
    rule = EMPTY_RULES[empty_slices]
    alarm, empty = ("NULL" if value is None else value for value in (rule.alarm, rule.empty))
    return (
        "CASE WHEN truth > 0 THEN 2.0 * overlap / (truth + predicted) "
        f"WHEN predicted > 0 THEN {alarm} ELSE {empty} END"
    )


def dice_per_slice(
    truth: MaskArray, predicted: MaskArray, empty_slices: EmptySlices = "lesion_only"
) -> FloatArray:
    """2D Dice (S,) of each slice of two masks (S, H, W), under the rule.

    >>> truth = np.array([[[1]], [[0]], [[0]]], dtype=bool)
    >>> predicted = np.array([[[1]], [[1]], [[0]]], dtype=bool)
    >>> dice_per_slice(truth, predicted, "both_empty_one").tolist()
    [1.0, 0.0, 1.0]
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth {truth.shape} and predicted {predicted.shape} differ in shape")
    overlap = pixels_per_slice(truth & predicted)
    return dice(pixels_per_slice(truth), pixels_per_slice(predicted), overlap, empty_slices)


def mean_dice(values: FloatArray, rule: EmptySlices) -> MeanDice:
    """Mean over the slices of Dice (S,) that are not NaN; NaN when there is none.

    >>> mean_dice(np.array([1.0, np.nan, 0.5]), "lesion_only")
    MeanDice(value=0.75, slices_counted=2, rule='lesion_only')
    """
    counted = values[~np.isnan(values)]
    value = float(counted.mean()) if counted.size else float("nan")
    return MeanDice(value, int(counted.size), rule)


def pixels_per_slice(mask: MaskArray) -> Counts:
    """Number of pixels (S,) set in each slice of a mask (S, H, W).

    >>> pixels_per_slice(np.array([[[True, True]], [[False, False]]])).tolist()
    [2, 0]
    """
    return np.array([np.count_nonzero(slice_mask) for slice_mask in mask], dtype=np.int64)


def share(part: float, total: float) -> float:
    """Part of the whole: precision is overlap of predicted, recall overlap of truth; NaN of none.

    >>> share(1, 4), share(0, 0)
    (0.25, nan)
    """
    return part / total if total else float("nan")
