"""A whole cohort: tune thresholds on validation subjects, read every subject, join the parts."""

from collections.abc import Sequence

from zsad_core import conventions, evaluation, results, thresholds
from zsad_core.cohort.rows import ORACLE, perform
from zsad_core.cohort.tasks import (
    Cohort,
    Levels,
    Run,
    Step,
    Task,
    Work,
    spec_of,
    subjects,
    tasks,
    tuning_subjects,
)
from zsad_core.engine import Engine
from zsad_core.metrics import Histogram
from zsad_core.types import Progress, Subject, Threshold


def run(engine: Engine, cohort: Cohort, work: Work, progress: Progress | None = None) -> None:
    """Make every row of a cohort that is not there; raises ZsadError, and Cancelled by progress.

    Progress counts runs of subjects, those that were there included.
    """
    chosen, tuning = subjects(cohort), tuning_subjects(cohort)
    done, total = 0, (len(chosen) + len(tuning)) * len(cohort.runs)

    def step(more: int) -> None:
        nonlocal done
        done += more
        if progress:
            progress(done, total)

    step(0)
    work(tasks(engine, cohort, tuning), step)
    levels = _levels(engine, cohort, tuning)
    work(tasks(engine, cohort, chosen, levels), step)
    results.merge(cohort.out)


def local(engine: Engine) -> Work:
    """Tasks one after the other, in this process."""

    def work(todo: Sequence[Task], step: Step) -> None:
        for task in todo:
            perform(engine, task, step)

    return work


def _levels(engine: Engine, cohort: Cohort, tuning: Sequence[Subject]) -> dict[Run, Levels]:
    """The thresholds of each run; an oracle is found when a subject is read."""
    held = _histograms(engine, cohort, tuning) if tuning else {}
    return {
        one: tuple(_level(rule, held.get(one, [])) for rule in cohort.rules) for one in cohort.runs
    }


def _histograms(
    engine: Engine, cohort: Cohort, tuning: Sequence[Subject]
) -> dict[Run, list[Histogram]]:
    """Of each run the histogram (2, 256) of every validation subject."""
    results.merge(cohort.out)  # one file is read quicker than thousands
    with results.connect(cohort.out) as rows:
        return {
            one: [
                conventions.whole_histogram(
                    rows, evaluation.map_key(engine, spec_of(engine, cohort, subject.id, one))
                )
                for subject in tuning
            ]
            for one in cohort.runs
        }


def _level(rule: str, tuning: list[Histogram]) -> Threshold:
    if rule == "oracle":
        return ORACLE
    if rule == "validation":
        note = f"best mean 3D Dice over {len(tuning)} validation subjects"
        return Threshold(thresholds.validation_threshold(tuning), rule, note)
    return Threshold(thresholds.fixed_threshold(int(rule)), "fixed", "set by hand")
