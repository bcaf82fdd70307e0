"""Search for prompts: single phrases, pairs of the best, then texts added one by one.

Everything is judged by the quick measure on the search subjects, which train or validate; a winner
is then judged on held-out ones beside the set it began with. Its texts are tuned on the search
subjects, and it says so for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from zsad_core.errors import SettingError
from zsad_core.imaging import datasets
from zsad_core.inference.engine import Engine
from zsad_core.inference.exposure import Scan
from zsad_core.lab import candidates
from zsad_core.lab.candidates import Measured
from zsad_core.types import FloatArray, MapSpec, Progress, PromptSet, SliceSpec

Goal = Literal["dice", "auroc"]
GOALS: dict[Goal, str] = {
    "dice": "mean Dice at the best common threshold",
    "auroc": "mean voxel AUROC inside the region",
}
LEAST_GAIN = 1e-3
SEARCHED = ("", "train", "validation")  # parts of a split; "" is data without one


@dataclass(frozen=True)
class Plan:
    """What to search: subjects, phrases, the goal, how wide and how far.

    `best` phrases a side make pairs, twice as many are tried for growing, and at most `most` texts
    are added; every k-th slice is looked at.
    """

    search: tuple[str, ...]
    held_out: tuple[str, ...]
    phrases: tuple[str, ...]
    goal: Goal = "dice"
    best: int = 12
    most: int = 6
    every: int = candidates.EVERY

    @property
    def size(self) -> int:
        """How many candidates there are at most."""
        return 2 * len(self.phrases) + self.best**2 + 1 + self.most * 4 * self.best


@dataclass(frozen=True)
class Judged:
    """Means over subjects: Dice at the search subjects' common threshold, best, AUROC."""

    dice: float
    best_dice: float
    auroc: float
    threshold: float


@dataclass(frozen=True)
class Ranked:
    """A candidate, the phrases that it is about, and what it reaches on the search subjects."""

    prompts: PromptSet
    words: str
    value: float


@dataclass(frozen=True)
class Found:
    """Rankings, the way of the growing set, and before and after on both groups of subjects.

    `steps` begins with what the search began with; its last is the winner. `judged` is by
    ("before" or "after", "search" or "held out").
    """

    normal: tuple[Ranked, ...]
    abnormal: tuple[Ranked, ...]
    pairs: tuple[Ranked, ...]
    steps: tuple[Ranked, ...]
    judged: dict[tuple[str, str], Judged]
    tried: int

    @property
    def winner(self) -> PromptSet:
        """The set that the search ended with."""
        return self.steps[-1].prompts


def search(engine: Engine, spec: MapSpec, plan: Plan, progress: Progress | None = None) -> Found:
    """Find texts in place of the spec's; its templates and class word stay.

    The progress counts candidates, and what is left of them as the winner is judged; a cancelled
    run continues where it stopped, as what was judged is kept. Raises SettingError where no subject
    is left, one that is searched on neither trains nor validates, or a scan, its copy or another
    one of its patient is on both sides.
    """
    _check(plan, spec.features.slices)
    run = _Run(engine, spec, plan, progress)
    normal, abnormal = run.singles("normal"), run.singles("abnormal")
    joined = [
        (replace(single.prompts, normal=other.prompts.normal), f"{single.words} / {other.words}")
        for single in abnormal[: plan.best]
        for other in normal[: plan.best]
    ]
    pairs = run.ranked(joined)
    begun = run.ranked([(spec.prompts, spec.prompts.name)])[0]
    steps: tuple[Ranked, ...] = (begun,) if begun.value >= pairs[0].value else (begun, pairs[0])
    steps += _grown(run, steps[-1], {"normal": normal, "abnormal": abnormal})
    winner = replace(
        steps[-1].prompts,
        name=f"{spec.prompts.name} (search)",
        source=f"search from '{spec.prompts.name}' for {GOALS[plan.goal]}",
        tuned_on=tuple(dict.fromkeys((*spec.prompts.tuned_on, *plan.search))),
        normal_off=(),
        abnormal_off=(),
    )
    steps = (*steps[:-1], replace(steps[-1], prompts=winner))

    def rest(done: int, total: int) -> None:
        if progress:
            progress(run.done + (plan.size - run.done) * done // total, plan.size)

    judged = judge(engine, spec, plan, {"before": spec.prompts, "after": winner}, rest)
    if progress:
        progress(plan.size, plan.size)
    return Found(normal, abnormal, pairs, steps, judged, run.done)


def judge(
    engine: Engine, spec: MapSpec, plan: Plan, sets: dict[str, PromptSet], progress: Progress
) -> dict[tuple[str, str], Judged]:
    """Each set on the search and held-out subjects, at the threshold that fits the search ones."""
    results, prompts = {}, tuple(sets.values())
    before, total = 0, len(sets) * len((*plan.search, *plan.held_out))
    at: list[float] | None = None

    def step(done: int, _: int) -> None:
        progress(before + done, total)

    for group, subjects in (("search", plan.search), ("held out", plan.held_out)):
        if subjects:
            measured = candidates.measured(engine, spec, subjects, prompts, plan.every, step, at)
            at = measured.threshold.tolist()
            for number, name in enumerate(sets):
                results[name, group] = judged(measured, number)
        before += len(sets) * len(subjects)
    return results


def value(measured: Measured, goal: Goal) -> FloatArray:
    """What each of N candidates reaches over the subjects with lesion, (N,).

    Raises SettingError where none has one in the slices looked at.

    >>> one = np.array([[0.5]])
    >>> value(Measured(one, one, one, one[0]), "dice").tolist()
    [0.5]
    """
    usable = np.asarray(~np.isnan(measured.best_dice).all(axis=1))
    if not usable.any():
        raise SettingError(
            f"None of the {len(usable)} search subjects has a lesion in the slices looked at; "
            "choose others, or look at every slice."
        )
    chosen = measured.dice if goal == "dice" else measured.auroc
    return np.asarray(chosen[usable].mean(axis=0))


def judged(measured: Measured, candidate: int) -> Judged:
    """One candidate's means over the subjects with lesion; NaN where none has one."""
    usable = ~np.isnan(measured.best_dice[:, candidate])

    def mean(of_all: FloatArray) -> float:
        return float(of_all[usable, candidate].mean()) if usable.any() else np.nan

    means = (mean(measured.dice), mean(measured.best_dice), mean(measured.auroc))
    return Judged(*means, threshold=float(measured.threshold[candidate]))


class _Run:
    """One search: judges lists of candidates and counts them."""

    def __init__(
        self, engine: Engine, spec: MapSpec, plan: Plan, progress: Progress | None
    ) -> None:
        self.spec, self.plan, self.done = spec, plan, 0
        self._engine, self._progress = engine, progress

    def singles(self, side: str) -> tuple[Ranked, ...]:
        """Each phrase alone on a side, against the other side as it is; the best first."""
        base, phrases = self.spec.prompts, self.plan.phrases
        return self.ranked([(PromptSet(**{**vars(base), side: (p,)}), p) for p in phrases])

    def ranked(self, sets: Sequence[tuple[PromptSet, str]]) -> tuple[Ranked, ...]:
        """The sets by what they reach on the search subjects, the best first."""
        plan, prompts = self.plan, [prompt_set for prompt_set, _ in sets]
        count = len(plan.search)

        def step(done: int, _: int) -> None:
            if self._progress:
                self._progress(min(self.done + done // count, plan.size), plan.size)

        measured = candidates.measured(
            self._engine, self.spec, plan.search, prompts, plan.every, step
        )
        self.done += len(sets)
        values = value(measured, plan.goal)
        order = np.argsort(-values, kind="stable")
        return tuple(Ranked(sets[i][0], sets[i][1], float(values[i])) for i in order)


def _grown(run: _Run, first: Ranked, singles: dict[str, tuple[Ranked, ...]]) -> tuple[Ranked, ...]:
    """The set with one text after the other added, as long as that helps; () where none does."""
    steps = [first]
    pool = [
        (side, getattr(single.prompts, side)[0])
        for side, ranked in singles.items()
        for single in ranked[: 2 * run.plan.best]
    ]
    for _ in range(run.plan.most):
        now = steps[-1].prompts
        longer = [
            (PromptSet(**{**vars(now), side: (*getattr(now, side), text)}), f"+ {side}: {text}")
            for side, text in pool
            if text not in getattr(now, side)
        ]
        best = run.ranked(longer)[0] if longer else steps[-1]
        if best.value < steps[-1].value + LEAST_GAIN:
            break
        steps.append(best)
    return tuple(steps[1:])


def _check(plan: Plan, slices: SliceSpec) -> None:
    if not plan.search:
        raise SettingError("A search needs 1 subject or more with a segmentation; choose some.")
    part_of = {s.id: s.split for s in datasets.open_dataset(slices.data).subjects()}
    for name in plan.search:
        if part_of.get(name, "") not in SEARCHED:
            raise SettingError(
                f"{name} is a {part_of[name]} subject, and a search chooses on train and "
                "validation subjects alone; choose others."
            )
    for name in plan.held_out:
        scan = Scan(slices.data, name, slices.modality)
        if scan.is_among(plan.search) or scan.has_patient_among(plan.search):
            raise SettingError(
                f"{name}, its copy or another scan of its patient is searched on and held out; "
                "keep them on one side."
            )
    if len(plan.phrases) < 2:
        raise SettingError(f"A search needs 2 phrases or more, and there are {len(plan.phrases)}.")
