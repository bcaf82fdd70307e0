"""What a search looks for: one number of each candidate over several subjects.

Histograms are (subjects, N, 2, 256), as `candidates` gives them; subjects without lesion in the
slices looked at have no Dice and are left out.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from zsad_core import metrics
from zsad_core.errors import SettingError
from zsad_core.lab import candidates
from zsad_core.metrics import Histogram
from zsad_core.types import FloatArray, MaskArray

Goal = Literal["dice", "auroc"]
GOALS: dict[Goal, str] = {
    "dice": "mean Dice at the best common threshold",
    "auroc": "mean voxel AUROC inside the brain",
}


@dataclass(frozen=True)
class Judged:
    """Means over subjects: Dice at the level that is best for all search subjects, best, AUROC."""

    dice: float
    best_dice: float
    auroc: float
    level: int


def value(histograms: Histogram, goal: Goal) -> FloatArray:
    """What each of N candidates reaches, (N,); raises SettingError where no subject has a lesion.

    >>> histogram = np.zeros((1, 1, 2, 256), np.int64)
    >>> histogram[0, 0, 0, 10], histogram[0, 0, 1, 20] = 1, 1
    >>> value(histogram, "dice").tolist(), value(histogram, "auroc").tolist()
    ([1.0], [1.0])
    """
    if goal == "dice":
        return np.asarray(_mean_dice(histograms).max(axis=-1))
    return np.asarray(candidates.measures(_usable(histograms))[0].mean(axis=0))


def best_level(histograms: Histogram) -> int:
    """The level with the best mean Dice of one prompt set over (subjects, 2, 256)."""
    return int(np.argmax(_mean_dice(histograms)))


def judged(histograms: Histogram, level: int) -> Judged:
    """One prompt set over (subjects, 2, 256) at a level; NaN where no subject has a lesion."""
    usable = histograms[_with_lesion(histograms)]
    if not len(usable):
        return Judged(np.nan, np.nan, np.nan, level)
    auroc, best = candidates.measures(usable)
    dice = metrics.dice_at_levels(usable)[:, level]
    return Judged(float(dice.mean()), float(best.mean()), float(auroc.mean()), level)


def _mean_dice(histograms: Histogram) -> FloatArray:
    """Mean Dice at each level over subjects with lesion: (…, 256) from (subjects, …, 2, 256)."""
    return np.asarray(metrics.dice_at_levels(_usable(histograms)).mean(axis=0))


def _usable(histograms: Histogram) -> Histogram:
    usable = histograms[_with_lesion(histograms)]
    if not len(usable):
        raise SettingError(
            f"None of the {len(histograms)} search subjects has a lesion in the slices looked at; "
            "choose others, or look at every slice."
        )
    return usable


def _with_lesion(histograms: Histogram) -> MaskArray:
    """Which subjects (subjects,) have a lesion; the same for all their candidates."""
    lesion = histograms[..., metrics.LESION, :].sum(axis=-1)
    return np.asarray(lesion.reshape(len(histograms), -1)[:, 0] > 0)
