"""A whole cohort: tune thresholds on validation subjects, read every subject, join the parts."""

from collections.abc import Sequence

from zsad_core.evaluation.rows import perform
from zsad_core.evaluation.tasks import Cohort, Step, Task, Work, subjects, tasks, tuning_subjects
from zsad_core.evaluation.tuning import thresholds_of
from zsad_core.inference.engine import Engine
from zsad_core.results import merging
from zsad_core.types import Progress


def run(engine: Engine, cohort: Cohort, work: Work, progress: Progress | None = None) -> None:
    """Make every row of a cohort that is not there; raises ZsadError, and Cancelled by progress.

    Progress counts configurations of subjects, those that were there included.
    """
    chosen = subjects(cohort)
    tuning = tuning_subjects(cohort, chosen)
    done, total = 0, (len(chosen) + len(tuning)) * len(cohort.configurations)

    def step(more: int) -> None:
        nonlocal done
        done += more
        if progress:
            progress(done, total)

    step(0)
    work(tasks(engine, cohort, tuning), step)
    if tuning:
        merging.merge(cohort.out)  # one file is read quicker than thousands
    tuned = {
        (configuration, subject): thresholds
        for configuration in cohort.configurations
        for subject, thresholds in zip(
            chosen, thresholds_of(engine, cohort, configuration, chosen), strict=True
        )
    }
    work(tasks(engine, cohort, chosen, tuned), step)
    merging.merge(cohort.out)


def local(engine: Engine) -> Work:
    """Tasks one after the other, in this process."""

    def work(todo: Sequence[Task], step: Step) -> None:
        for task in todo:
            perform(engine, task, step)

    return work
