"""Prompt sets ranked over a set of subjects: what was tuned on a subject is judged on others."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np

from zsad_core.types import PromptSet
from zsad_core.workspace.history import Trial


@dataclass(frozen=True)
class Standing:
    """A prompt set under a method and setup: means over the subjects that did not choose it.

    `judged` are those subjects, `tuned` those of the set that helped to choose the texts. The
    means are NaN where all did.
    """

    prompts: PromptSet
    method: str
    setup: str
    judged: tuple[str, ...]
    tuned: tuple[str, ...]
    dice: float
    best_dice: float
    auroc: float
    deviation: float  # of the best Dice over subjects


def standings(trials: Iterable[Trial], subjects: Collection[str]) -> list[Standing]:
    """Each prompt set by its best (oracle) Dice, the best first; a later trial counts.

    The trials are of one data set and modality; those ranked on 256 levels, of older versions, are
    left out. A set is tuned on a subject where a search used its
    truth, or where its texts were edited in view of its numbers.
    """
    groups: dict[tuple[str, str, str], list[Trial]] = {}
    for trial in trials:
        if trial.level is not None:
            continue
        groups.setdefault((trial.content, trial.method, trial.setup), []).append(trial)
    tuned: dict[str, set[str]] = {}
    for (content, *_), group in groups.items():
        tuned.setdefault(content, set()).update(*map(tuned_on, group))
    found = [
        one
        for (content, *_), group in groups.items()
        if (one := _standing(group, tuned[content], subjects)) is not None
    ]
    return sorted(found, key=lambda one: -np.nan_to_num(one.best_dice, nan=-1.0))


def tuned_on(trial: Trial) -> set[str]:
    """Subjects whose truth or numbers helped to choose a trial's texts."""
    return {*trial.prompts.tuned_on, *((trial.subject,) if trial.by_hand else ())}


def _standing(group: list[Trial], tuned: set[str], subjects: Collection[str]) -> Standing | None:
    last = {trial.subject: trial for trial in group if trial.subject in subjects}
    if not last:
        return None
    judged = [trial for name, trial in last.items() if name not in tuned]
    values = np.array([(one.dice, one.best_dice, one.auroc) for one in judged]).reshape(-1, 3)
    means = values.mean(axis=0) if len(values) else np.full(3, np.nan)  # Dice once all have one
    newest = group[-1]
    return Standing(
        newest.prompts,
        newest.method,
        newest.setup,
        tuple(sorted(one.subject for one in judged)),
        tuple(sorted(set(last) & tuned)),
        float(means[0]),
        float(means[1]),
        float(means[2]),
        float(values[:, 1].std(ddof=1)) if len(values) > 1 else np.nan,
    )
