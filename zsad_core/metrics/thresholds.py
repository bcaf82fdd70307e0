"""Where a threshold comes from: set by hand, tuned on validation subjects, or told by the truth.

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
        """3D Dice (T,) at the curve's own threshold next at or above each of `thresholds` (T,).

        0 above the highest, where nothing is predicted; NaN without lesion. At the curve's own
        thresholds it is exact, elsewhere within `FINE`.
        """
        place = np.searchsorted(self.thresholds, thresholds, side="left")
        lesion, healthy = (np.append(one, 0)[place] for one in (self.lesion, self.healthy))
        return dice(np.full(len(place), self.truth), lesion + healthy, lesion)


def curve(values: FloatArray, brain: MaskArray, truth: MaskArray) -> Curve:
    """The curve of a map (S, H, W), its thresholds so dense that Dice between two moves by `FINE`.

    The highest threshold is taken of each stretch along which Dice moves by `FINE`, and the best of
    all distinct values.

    >>> found = curve(np.array([[[0.1, 0.2, 0.3]]], np.float32), *np.ones((2, 1, 1, 3), bool))
    >>> found.lesion.tolist(), found.healthy.tolist()
    ([3, 2, 1], [0, 0, 0])
    """
    inside, whole = values[brain], int(np.count_nonzero(truth))
    order = np.argsort(inside)[::-1]
    ordered = inside[order]
    at = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)])
    lesion, count = np.cumsum(truth[brain][order])[at], at + 1
    found = np.nan_to_num(dice(whole, count, lesion))
    stretch = (np.cumsum(np.abs(np.diff(found, prepend=0.0))) / FINE).astype(np.int64)
    kept = np.diff(stretch, prepend=-1) != 0
    if len(found):
        kept[len(found) - 1 - int(np.argmax(found[::-1]))] = True
    at, lesion, count = (one[kept][::-1] for one in (at, lesion, count))
    return Curve(ordered[at], lesion, count - lesion, whole)


def weighted_curve(values: FloatArray, healthy: Weights, lesion: Weights) -> Curve:
    """The whole curve where each value (P,) stands for so many healthy and lesion voxels (P,).

    >>> weighted_curve(np.array([0.1, 0.5]), np.array([3, 0]), np.array([0, 2])).healthy.tolist()
    [3, 0]
    """
    distinct, place = np.unique(values, return_inverse=True)
    counts = [
        np.rint(np.bincount(place, one, len(distinct))).astype(int) for one in (lesion, healthy)
    ]
    reached = [np.cumsum(one[::-1])[::-1] for one in counts]
    return Curve(distinct, reached[0], reached[1], int(counts[0].sum()))


def fixed_threshold(text: str, high: float) -> Threshold:
    """A value of the method's range 0 … high, or a share of it; SettingError for anything else.

    >>> fixed_threshold("0.5", 4.0).value, fixed_threshold("50%", 4.0).value
    (0.5, 2.0)
    """
    share = text.strip().endswith("%")
    try:
        value = float(text.strip().rstrip("%")) * (high / 100 if share else 1)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= high:
        raise SettingError(
            f"The threshold '{text}' is none of this method; give a value from 0 to {high:g}, or a "
            "share of its range such as 50%."
        )
    note = f"{float(text.strip().rstrip('%')):g} % of the range" if share else "set by hand"
    return Threshold(value, "fixed", note)


def written(value: float) -> str:
    """A threshold as text: digits enough to tell it from its neighbours on screen.

    >>> written(0.25), written(3.9999)
    ('0.25', '3.9999')
    """
    return f"{value:.5g}"


def from_level(level: int, high: float) -> float:
    """The value from which a voxel had a level of 255 even steps, as older rows and pins name it.

    >>> from_level(128, 2.0)
    1.0
    """
    return max(level - 0.5, 0.0) / 255 * high


def oracle_threshold(values: FloatArray, brain: MaskArray, truth: MaskArray) -> float:
    """The value with the best 3D Dice of one subject, among all of its map; it saw the truth.

    All arrays are (S, H, W). SettingError without lesion in the brain.

    >>> values = np.array([[[0.1, 0.8, 0.9]]], np.float32)
    >>> truth = np.array([[[False, True, True]]])
    >>> round(oracle_threshold(values, np.ones_like(truth), truth), 3)
    0.8
    """
    ranking = in_brain(values, brain, truth)
    if not ranking.all_lesion:
        raise SettingError(
            "The oracle threshold needs a lesion, and this subject has 0 lesion voxels in the "
            "brain; choose a fixed or the validation threshold."
        )
    return best_threshold(ranking, float(np.count_nonzero(truth)))


def validation_threshold(curves: Sequence[Curve]) -> float:
    """The threshold with the best mean 3D Dice over validation subjects, within 2 x `FINE` of it.

    Subjects without lesion have no Dice and are left out; SettingError when none is left.

    >>> one = Curve(np.array([0.1, 0.5], np.float32), np.array([2, 2]), np.array([8, 0]), 2)
    >>> validation_threshold([one, one])
    0.5
    """
    usable = [one for one in curves if one.truth]
    if not usable:
        raise SettingError(
            f"None of the {len(curves)} validation subjects has a lesion in its truth, so no "
            "threshold can be tuned; choose a fixed threshold or data with a validation split."
        )
    # Between two values of lesion voxels a higher threshold only takes false positives away.
    steps = [one.thresholds[np.diff(one.lesion, append=0) < 0] for one in usable]
    candidates = np.unique(np.concatenate(steps))
    total = np.sum([one.dice(candidates) for one in usable], axis=0)
    return float(candidates[int(np.argmax(total))])
