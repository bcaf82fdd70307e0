"""A whole cohort: tune thresholds on validation subjects, read every subject, join the parts."""

from collections.abc import Sequence

from zsad_core.evaluation.rows import ORACLE, perform
from zsad_core.evaluation.tasks import (
    Cohort,
    Run,
    Step,
    Task,
    Thresholds,
    Work,
    spec_of,
    subjects,
    tasks,
    tuning_subjects,
)
from zsad_core.inference import evaluation
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.metrics import thresholds
from zsad_core.metrics.thresholds import Curve
from zsad_core.results import conventions
from zsad_core.results import parquet as results
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
    tuned = _thresholds(engine, cohort, tuning)
    work(tasks(engine, cohort, chosen, tuned), step)
    results.merge(cohort.out)


def local(engine: Engine) -> Work:
    """Tasks one after the other, in this process."""

    def work(todo: Sequence[Task], step: Step) -> None:
        for task in todo:
            perform(engine, task, step)

    return work


def _thresholds(engine: Engine, cohort: Cohort, tuning: Sequence[Subject]) -> dict[Run, Thresholds]:
    """The thresholds of each run; an oracle is found when a subject is read."""
    curves = _curves(engine, cohort, tuning) if tuning else {}
    found = {}
    for one in cohort.runs:
        high = resolve(engine, spec_of(engine, cohort, "", one)).method.high
        found[one] = tuple(_threshold(rule, high, curves.get(one, [])) for rule in cohort.rules)
    return found


def _curves(engine: Engine, cohort: Cohort, tuning: Sequence[Subject]) -> dict[Run, list[Curve]]:
    """Of each run the curve of every validation subject."""
    keys = {
        one: [evaluation.map_key(engine, spec_of(engine, cohort, who.id, one)) for who in tuning]
        for one in cohort.runs
    }
    results.merge(cohort.out)  # one file is read quicker than thousands
    with results.connect(cohort.out) as rows:
        found = conventions.curves_of(rows, sorted({key for some in keys.values() for key in some}))
    return {one: [found[key] for key in some] for one, some in keys.items()}


def _threshold(rule: str, high: float, tuning: list[Curve]) -> Threshold:
    if rule == "oracle":
        return ORACLE
    if rule == "validation":
        return thresholds.validation(tuning)
    return thresholds.fixed_threshold(rule, high)
