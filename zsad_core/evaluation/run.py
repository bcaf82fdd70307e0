"""A whole cohort: tune thresholds on validation subjects, read every subject, join the parts."""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from queue import SimpleQueue

from zsad_core.base.threads import ThreadPool
from zsad_core.base.wording import counted, listed
from zsad_core.errors import Cancelled, DataError
from zsad_core.evaluation import keeping
from zsad_core.evaluation.rows import attempt
from zsad_core.evaluation.tasks import (
    Cohort,
    LeftOut,
    Step,
    Task,
    Work,
    subjects,
    tasks,
    tuning_subjects,
)
from zsad_core.evaluation.tuning import thresholds_of
from zsad_core.inference.engine import Engine
from zsad_core.results import merging
from zsad_core.types import Progress


class SubjectsLeftOutError(DataError):
    """Files of subjects cannot be used; the rows of all others are there."""


def run(engine: Engine, cohort: Cohort, work: Work, progress: Progress | None = None) -> None:
    """Make every row of a cohort that is not there; raises ZsadError, and Cancelled by progress.

    Progress counts configurations of subjects, those that were there included. Subjects whose files
    cannot be used are named at the end, by `SubjectsLeftOutError`, when the rows of all others are
    there. Where thresholds are tuned on them, nothing is evaluated.
    """
    chosen = subjects(cohort)
    tuning = tuning_subjects(cohort, chosen)
    to_tune = tasks(engine, cohort, tuning, later=chosen)
    done = 0
    total = len(chosen) * len(cohort.configurations) + sum(
        len(task.configurations) for task in to_tune
    )

    def step(more: int) -> None:
        nonlocal done
        done += more
        if progress:
            progress(done, total)

    step(0)
    left_out = work(to_tune, step)
    if tuning:
        merging.merge(cohort.out)  # one file is read quicker than thousands
    if left_out:
        raise DataError(
            f"{' '.join(left_out.values())} Thresholds are tuned on {listed(left_out)}, so nothing "
            "was evaluated; correct it or take it out of the split."
        )
    tuned = {
        (configuration, subject): thresholds
        for configuration in cohort.configurations
        for subject, thresholds in zip(
            chosen, thresholds_of(engine, cohort, configuration, chosen), strict=True
        )
    }
    left_out = work(tasks(engine, cohort, chosen, tuned), step)
    read = [subject for subject in chosen if subject.id not in left_out]
    if read:
        keeping.release_shared(engine, cohort, read[0])
    merging.merge(cohort.out)
    if left_out:
        error = SubjectsLeftOutError if read else DataError  # without rows nothing is to be shown
        raise error(
            f"Left out: {listed(left_out)}. {' '.join(left_out.values())} The rows of "
            f"{counted(len(read), 'subject')} are made."
        )


def local(*engines: Engine) -> Work:
    """Tasks in this process, one at a time on each engine, such as one for each GPU."""

    def work(todo: Sequence[Task], step: Step) -> LeftOut:
        if len(engines) > 1:
            return _shared(engines, todo, step)
        return found((task, attempt(engines[0], task, step)) for task in todo)

    return work


def found(attempted: Iterable[tuple[Task, str]]) -> LeftOut:
    """The subjects of tasks that were attempted and could not be read, each with its sentence."""
    return {task.subject.id: why for task, why in attempted if why}


def _shared(engines: Sequence[Engine], todo: Sequence[Task], step: Step) -> LeftOut:
    """Each task on the engine that is free next; where one fails, the others stop."""
    free, stop = SimpleQueue[Engine](), threading.Event()

    def going_on(_: int) -> None:
        if stop.is_set():
            raise Cancelled("Another subject's evaluation was stopped.")

    def on_free_engine(task: Task) -> tuple[Task, str]:
        going_on(0)
        engine = free.get()
        try:
            return task, attempt(engine, task, going_on)
        finally:
            free.put(engine)

    for engine in engines:
        free.put(engine)
    with ThreadPool(len(engines), "evaluation") as pool:
        waiting, attempted = {pool.submit(on_free_engine, task) for task in todo}, []
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                results = [future.result() for future in done]
                step(sum(len(task.configurations) for task, _ in results))
                attempted += results
        finally:
            stop.set()
    return found(attempted)
