"""The thresholds that rules choose; `threshold_rules` names the rules.

A threshold is a value of the method's range, held to float32 as the map is; a voxel at or above it
is predicted. Among equals the lowest wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zsad_core.errors import SettingError
from zsad_core.metrics.dice import dice
from zsad_core.metrics.ranking import Weights, best_threshold, in_brain
from zsad_core.types import FloatArray, MaskArray, Threshold

FINE = 5e-5  # most that Dice changes between neighbours of a curve


@dataclass(frozen=True)
class Curve:
    """Voxels of one subject's brain that reach each threshold (N,), float32 in ascending order.

    `lesion` and `healthy` (N,) are exact at each threshold. `truth` counts all lesion voxels, also
    those outside the brain, which no threshold reaches.
    """

    thresholds: FloatArray
    lesion: NDArray[np.int64]
    healthy: NDArray[np.int64]
    truth: int

    def dice(self, thresholds: FloatArray) -> FloatArray:
        """3D Dice (T,) at the curve's own threshold at or next above each of `thresholds` (T,).

        0 above the highest; NaN without lesion. Elsewhere than at its own it is within `FINE`.
        """
        index = np.searchsorted(self.thresholds, thresholds, side="left")
        lesion, healthy = (np.append(counts, 0)[index] for counts in (self.lesion, self.healthy))
        return dice(self.truth, lesion + healthy, lesion)


def curve(values: FloatArray, brain: MaskArray, truth: MaskArray) -> Curve:
    """The curve of a map (S, H, W); between neighbouring thresholds Dice changes by `FINE` at most.

    It holds the highest threshold of each stretch along which Dice changes by `FINE`, and the best
    of all distinct values.

    >>> line = curve(np.array([[[0.1, 0.2, 0.3]]], np.float32), *np.ones((2, 1, 1, 3), bool))
    >>> line.lesion.tolist(), line.healthy.tolist()
    ([3, 2, 1], [0, 0, 0])
    """
    inside, total = values[brain], int(np.count_nonzero(truth))
    order = np.argsort(inside)[::-1]
    ordered = inside[order]
    last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)])
    lesion, count = np.cumsum(truth[brain][order])[last], last + 1
    dice_values = np.nan_to_num(dice(total, count, lesion))
    stretch = (np.cumsum(np.abs(np.diff(dice_values, prepend=0.0))) / FINE).astype(np.int64)
    retained = np.diff(stretch, prepend=-1) != 0
    if len(dice_values):
        retained[len(dice_values) - 1 - int(np.argmax(dice_values[::-1]))] = True
    last, lesion, count = (array[retained][::-1] for array in (last, lesion, count))
    return Curve(ordered[last], lesion, count - lesion, total)


@dataclass(frozen=True)
class NormalCurve:
    """Volume in one subject's lesion-free brain at or above thresholds that ascend from 0, (N,)."""

    thresholds: FloatArray
    ml: FloatArray

    def most_ml(self, thresholds: FloatArray) -> FloatArray:
        """The most ml that can be predicted at each of `thresholds` (T,), exact at the curve's own.

        Between two of its own it is the volume at the lower one.
        """
        return self.ml[np.searchsorted(self.thresholds, thresholds, side="right") - 1]


def weighted_curve(values: FloatArray, healthy: Weights, lesion: Weights) -> Curve:
    """The curve at every distinct value (P,), each weighted by its healthy and lesion voxels (P,).

    >>> weighted_curve(np.array([0.1, 0.5]), np.array([3, 0]), np.array([0, 2])).healthy.tolist()
    [3, 0]
    """
    distinct, index = np.unique(values, return_inverse=True)
    reaching = [
        np.cumsum(np.rint(np.bincount(index, weights, len(distinct))).astype(int)[::-1])[::-1]
        for weights in (lesion, healthy)
    ]
    return Curve(distinct, reaching[0], reaching[1], int(reaching[0][0]) if len(distinct) else 0)


def fixed_threshold(text: str, high: float) -> Threshold:
    """A value of the method's range 0 … high, or a share of it; SettingError for anything else.

    >>> fixed_threshold("0.5", 4.0).value, fixed_threshold("50%", 4.0).value
    (0.5, 2.0)
    """
    percent = text.strip().endswith("%")
    try:
        number = float(text.strip().rstrip("%"))
    except ValueError:
        number = float("nan")
    value = number * (high / 100 if percent else 1) if number else 0.0  # also of any range
    if not 0 <= value <= above_range(high):
        raise SettingError(
            f"The threshold '{text}' is none of this method; give a value from 0 to {high:g}, or a "
            "share of its range such as 50%."
        )
    return Threshold(value, "fixed", f"{number:g} % of the range" if percent else "set by hand")


def above_range(high: float) -> float:
    """The next float32 above a range 0 … high: a threshold at which nothing is predicted.

    >>> np.float32(1) < above_range(1) < 1.000001
    True
    """
    return float(np.nextafter(np.float32(high), np.float32(np.inf)))


def threshold_text(value: float) -> str:
    """A threshold as text that says it exactly: no other float32 has the same.

    >>> threshold_text(0.25), threshold_text(2.9999974), threshold_text(3.0)
    ('0.25', '2.9999974', '3')
    """
    return np.format_float_positional(np.float32(value), trim="-")


def from_level(level: int, high: float) -> float:
    """The lowest value of a level of 255 even steps, by which older rows and pins name thresholds.

    >>> from_level(128, 2.0)
    1.0
    """
    return max(level - 0.5, 0.0) / 255 * high


def oracle_threshold(values: FloatArray, brain: MaskArray, truth: MaskArray) -> float:
    """The value of a map (S, H, W) of the best 3D Dice: saw the truth. SettingError without lesion.

    >>> values = np.array([[[0.1, 0.8, 0.9]]], np.float32)
    >>> truth = np.array([[[False, True, True]]])
    >>> round(oracle_threshold(values, np.ones_like(truth), truth), 3)
    0.8
    """
    ranking = in_brain(values, brain, truth)
    if not ranking.all_lesion:
        raise SettingError(
            "The oracle threshold needs a lesion, and this subject has 0 lesion voxels in the "
            "region; choose a fixed or the validation threshold."
        )
    return best_threshold(ranking, float(np.count_nonzero(truth)))


def validation_threshold(curves: Sequence[Curve]) -> float:
    """The threshold of the best mean 3D Dice over validation subjects, to within 2 x `FINE`.

    Subjects without lesion have no Dice and are left out; SettingError when none is left.

    >>> single = Curve(np.array([0.1, 0.5], np.float32), np.array([2, 2]), np.array([8, 0]), 2)
    >>> validation_threshold([single, single])
    0.5
    """
    usable = [curve for curve in curves if curve.truth]
    if not usable:
        raise SettingError(
            f"None of the {len(curves)} validation subjects has a lesion in its truth, so no "
            "threshold can be tuned; choose a fixed threshold or data with a validation split."
        )
    # Between two values of lesion voxels a higher threshold only takes false positives away.
    steps = [curve.thresholds[np.diff(curve.lesion, append=0) < 0] for curve in usable]
    candidates = np.unique(np.concatenate(steps))
    total = np.sum([curve.dice(candidates) for curve in usable], axis=0)
    return float(candidates[int(np.argmax(total))])


def false_positive_threshold(curves: Sequence[NormalCurve], most_ml: float) -> float:
    """The lowest threshold at which lesion-free slices hold `most_ml` a subject on average at most.

    Candidates are the thresholds of the curves; where none is high enough it is the next float32
    above the highest, at which nothing is predicted. SettingError without curves.

    >>> false_positive_threshold([NormalCurve(np.float32([0, 0.5]), np.array([9.0, 1.0]))], 1)
    0.5
    """
    if not curves:
        raise SettingError(
            "No train or validation subject has a lesion-free slice, so false positives cannot be "
            "counted; choose another threshold rule."
        )
    candidates = np.unique(np.concatenate([curve.thresholds for curve in curves]))
    mean_ml = np.mean([curve.most_ml(candidates) for curve in curves], axis=0)
    above = np.nextafter(candidates[-1:], np.float32(np.inf))
    return float(np.concatenate([candidates[mean_ml <= most_ml], above])[0])


def brain_share_threshold(values: FloatArray, brain: MaskArray, percent: float) -> float:
    """The lowest of the highest `percent` (0 to 100) of a map's values in the brain; NaN without.

    `values` and `brain` are (S, H, W). The share is of the number of voxels, rounded, one at least;
    all voxels that tie with the lowest of them are predicted too.

    >>> brain_share_threshold(np.array([[[0.25, 0.5, 0.75, 1.0]]]), np.ones((1, 1, 4), bool), 50)
    0.75
    """
    inside = values[brain]
    if not len(inside):
        return float("nan")
    first = len(inside) - max(1, round(len(inside) * percent / 100))
    return float(np.partition(inside, first)[first])
