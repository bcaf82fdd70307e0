"""What a search looks for: one number of each candidate over several subjects.

Subjects without lesion in the slices looked at have no Dice and are left out.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from zsad_core.errors import SettingError
from zsad_core.lab.candidates import Measured
from zsad_core.types import FloatArray

Goal = Literal["dice", "auroc"]
GOALS: dict[Goal, str] = {
    "dice": "mean Dice at the best common threshold",
    "auroc": "mean voxel AUROC inside the region",
}


@dataclass(frozen=True)
class Judged:
    """Means over subjects: Dice at the search subjects' common threshold, best, AUROC."""

    dice: float
    best_dice: float
    auroc: float
    threshold: float


def value(found: Measured, goal: Goal) -> FloatArray:
    """What each of N candidates reaches, (N,); raises SettingError where no subject has a lesion.

    >>> one = np.array([[0.5]])
    >>> value(Measured(one, one, one, one[0]), "dice").tolist()
    [0.5]
    """
    usable = np.asarray(~np.isnan(found.best_dice).all(axis=1))
    if not usable.any():
        raise SettingError(
            f"None of the {len(usable)} search subjects has a lesion in the slices looked at; "
            "choose others, or look at every slice."
        )
    chosen = found.dice if goal == "dice" else found.auroc
    return np.asarray(chosen[usable].mean(axis=0))


def judged(found: Measured, candidate: int) -> Judged:
    """One candidate's means over the subjects with lesion; NaN where none has one."""
    usable = ~np.isnan(found.best_dice[:, candidate])

    def mean(of_all: FloatArray) -> float:
        return float(of_all[usable, candidate].mean()) if usable.any() else np.nan

    means = (mean(found.dice), mean(found.best_dice), mean(found.auroc))
    return Judged(*means, threshold=float(found.threshold[candidate]))
