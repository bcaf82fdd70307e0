"""A whole cohort: tune thresholds on validation subjects, read every subject, join the parts."""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from queue import SimpleQueue

from zsad_core.base.threads import ThreadPool
from zsad_core.errors import Cancelled
from zsad_core.evaluation import keeping
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
    work(to_tune, step)
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
    keeping.release_shared(engine, cohort, chosen[0])
    merging.merge(cohort.out)


def local(*engines: Engine) -> Work:
    """Tasks in this process, one at a time on each engine, such as one for each GPU."""

    def work(todo: Sequence[Task], step: Step) -> None:
        if len(engines) == 1:
            for task in todo:
                perform(engines[0], task, step)
        else:
            _shared(engines, todo, step)

    return work


def _shared(engines: Sequence[Engine], todo: Sequence[Task], step: Step) -> None:
    """Each task on the engine that is free next; where one fails, the others stop."""
    free, stop = SimpleQueue[Engine](), threading.Event()

    def going_on(_: int) -> None:
        if stop.is_set():
            raise Cancelled("Another subject's evaluation was stopped.")

    def on_free_engine(task: Task) -> int:
        going_on(0)
        engine = free.get()
        try:
            perform(engine, task, going_on)
        finally:
            free.put(engine)
        return len(task.configurations)

    for engine in engines:
        free.put(engine)
    with ThreadPool(len(engines), "evaluation") as pool:
        waiting = {pool.submit(on_free_engine, task) for task in todo}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
                step(sum(future.result() for future in done))
        finally:
            stop.set()
