"""Prompt sets ranked over a set of subjects: what was tuned on a subject is judged on others."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from zsad_core.imaging.splits.tables import SplitTable
from zsad_core.metrics.intervals import of_columns
from zsad_core.metrics.spread import deviation
from zsad_core.types import PromptSet
from zsad_core.workspace.history import Trial

NO_SPLIT = SplitTable("", ())


@dataclass(frozen=True)
class Standing:
    """A prompt set under a method and setup: means over the subjects that did not choose it.

    `judged` are those subjects, `tuned` those whose patient helped to choose the texts, `exposed`
    others that the learned part has seen, which are judged where that is asked for. The means are
    NaN where none is judged. `threshold` is the value where the rule is a fixed one, else None;
    `mask` is that of its trials. `intervals` are the ends of each mean's interval by field, NaN for
    few patients.
    """

    prompts: PromptSet
    method: str
    setup: str
    threshold: float | None
    mask: tuple[bool, int]
    judged: tuple[str, ...]
    tuned: tuple[str, ...]
    exposed: tuple[str, ...]
    dice: float
    best_dice: float
    auroc: float
    deviation: float  # of the best Dice over subjects
    intervals: Mapping[str, tuple[float, float]]


def standings(
    trials: Iterable[Trial],
    subjects: Collection[str],
    rule: str,
    split: SplitTable = NO_SPLIT,
    exposed: Collection[tuple[str, str, str]] = (),
    with_exposed: bool = False,
) -> list[Standing]:
    """Each prompt set by its mean 3D Dice at the thresholds of one rule, the best first.

    Of a subject the last trial counts. Sets at different fixed thresholds, or with masks made in
    other ways, stand apart. The trials are of one data set and modality; those ranked on 256
    levels, of older versions, are left out. So are deleted ones, which still tell where a set was
    tuned. The data's `split` knows which patients have scans under several ids; `exposed` are a
    method, a setup and a subject that its learned part has seen; they count `with_exposed` alone.
    """
    trials = [trial for trial in trials if trial.level is None]
    tuned, groups = tuned_subjects(trials), dict[tuple[object, ...], list[Trial]]()
    for trial in trials:
        if trial.rule == rule and not trial.deleted:
            fixed = trial.threshold if rule == "fixed" else None
            key = (trial.content, trial.method, trial.setup, fixed, trial.mask)
            groups.setdefault(key, []).append(trial)
    every = (
        _standing(group, tuned[group[0].content], subjects, split, exposed, with_exposed)
        for group in groups.values()
    )
    return sorted(filter(None, every), key=lambda place: -np.nan_to_num(place.dice, nan=-1.0))


def tuned_subjects(trials: Iterable[Trial]) -> dict[str, set[str]]:
    """By content of a set the subjects whose truth a search used or an edit had in view."""
    tuned: dict[str, set[str]] = {}
    for trial in trials:
        by_hand = (trial.subject,) if trial.by_hand else ()
        tuned.setdefault(trial.content, set()).update(trial.prompts.tuned_on, by_hand)
    return tuned


def _standing(
    group: list[Trial],
    tuned: set[str],
    subjects: Collection[str],
    split: SplitTable,
    exposed: Collection[tuple[str, str, str]],
    with_exposed: bool,
) -> Standing | None:
    last = {trial.subject: trial for trial in group if trial.subject in subjects}
    if not last:
        return None
    apart = {name for name in last if split.shares_patient(name, tuned)}
    newest = group[-1]
    seen = {name for name in last if (newest.method, newest.setup, name) in exposed} - apart
    left_out = apart if with_exposed else apart | seen
    judged = [trial for name, trial in last.items() if name not in left_out]
    values = np.array([(trial.dice, trial.best_dice, trial.auroc) for trial in judged]).reshape(
        -1, 3
    )
    means = values.mean(axis=0) if len(values) else np.full(3, np.nan)  # Dice once all have one
    ends = of_columns([split.patient(trial.subject) for trial in judged], values)
    low, high = (np.where(np.isnan(means), np.nan, end).tolist() for end in ends)
    return Standing(
        newest.prompts,
        newest.method,
        newest.setup,
        newest.threshold if newest.rule == "fixed" else None,
        newest.mask,
        tuple(sorted(trial.subject for trial in judged)),
        tuple(sorted(apart)),
        tuple(sorted(seen)),
        float(means[0]),
        float(means[1]),
        float(means[2]),
        deviation(values[:, 1]),
        {name: (low[i], high[i]) for i, name in enumerate(("dice", "best_dice", "auroc"))},
    )
