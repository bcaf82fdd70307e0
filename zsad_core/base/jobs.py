"""Work in the background: progress, time left, cancel; and one queue to the device."""

import atexit
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, Protocol
from weakref import WeakKeyDictionary

from zsad_core.base.atomic import on_disk
from zsad_core.errors import Cancelled, ZsadError

INTERACTIVE, BACKGROUND = 0, 1
KEPT = 100  # jobs that have ended, of which some are still shown
LAST_SECONDS = 10.0  # for jobs to reach their next step when Python ends
_least: ContextVar[int] = ContextVar("least", default=INTERACTIVE)
Turn = Callable[[], AbstractContextManager[object]]
"""Waits for the device and holds it for the block; `nullcontext` where nobody else is there."""


class Telling(Protocol):
    """A `Progress` that also takes a few words to show beside it."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Called at each step; it may raise Cancelled to stop the work."""


class DeviceQueue:
    """One holder at a time; who waits for what a user looks at goes before background work.

    Work takes a turn per batch, so that a click never waits for a whole volume, and two jobs take
    turns: each batch's ticket is newer than that of who waits already. What a job does is in the
    background, whatever it asks for.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._numbers = itertools.count()
        self._busy = False

    @contextmanager
    def turn(self, priority: int) -> Iterator[None]:
        """Wait for the device, hold it for the block."""
        ticket = (max(priority, _least.get()), next(self._numbers))
        with self._changed:
            heapq.heappush(self._waiting, ticket)
            self._changed.wait_for(lambda: not self._busy and self._waiting[0] == ticket)
            heapq.heappop(self._waiting)
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()


@dataclass
class Job:
    """One piece of background work; read its fields at any time.

    `page` is the path of the page that shows what it gives, "" for none. Its title is seen by
    everybody; its error may name what only who started it may see. Times are monotonic.
    """

    title: str
    page: str = ""
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    done: int = 0
    total: int = 0
    error: str = ""
    note: str = ""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _first: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Take note of the progress; raises Cancelled once `cancel` was called.

        Another total is another part of the work, with a pace of its own.
        """
        if total != self.total:
            self.started, self._first = time.monotonic(), done
        self.done, self.total, self.note = done, total, note
        if self._stop.is_set():
            raise Cancelled(f"'{self.title}' was cancelled after {done} of {total}.")

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether it runs only until its next step, as `cancel` was called."""
        return self.state == "running" and self._stop.is_set()

    def wait(self, seconds: float) -> None:
        """Return once it has ended, or after so many seconds."""
        self._over.wait(seconds)

    def part(self) -> float:
        """Share done, 0 … 1; 0 before the work has said how much there is."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    def seconds_left(self) -> float | None:
        """Estimate from the pace so far; None before the second step."""
        steps = self.done - self._first
        if steps <= 0:
            return None
        return (time.monotonic() - self.started) / steps * (self.total - self.done)


class JobBoard:
    """The jobs of the app, shared by its sessions; a key runs once at a time."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(
        self,
        key: str,
        title: str,
        work: Callable[[Telling], object],
        page: str = "",
    ) -> Job:
        """Run `work(progress)` in a thread; a job of that key already running is returned."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.state == "running":
                return job
            job = self._jobs[key] = Job(title, page)
            self._forget_old()
        thread = threading.Thread(target=_run, args=(job, work), name=title, daemon=True)
        thread.start()
        _at_work[thread] = job
        return job

    def find(self, key: str) -> Job | None:
        """The last job of that key."""
        return self._jobs.get(key)

    def drop(self, job: Job) -> None:
        """Forget a job that has ended, so that its key can start afresh."""
        with self._lock:
            ended = [
                k for k, found in self._jobs.items() if found is job and job.state != "running"
            ]
            for key in ended:
                del self._jobs[key]

    def running(self) -> dict[str, Job]:
        """Jobs still at work, by key."""
        with self._lock:
            return {key: job for key, job in self._jobs.items() if job.state == "running"}

    def ended(self, seconds: float, most: int) -> list[Job]:
        """Jobs that ended in the last so many seconds, the newest first, at most so many."""
        with self._lock:
            since = time.monotonic() - seconds
            return [job for _, _, job in self._old() if (job.ended or 0) >= since][:most]

    def _old(self) -> list[tuple[float, str, Job]]:
        """When each job ended, its key, and the job; the newest first."""
        over = [(j.ended, key, j) for key, j in self._jobs.items() if j.ended is not None]
        return sorted(over, key=lambda one: one[0], reverse=True)

    def _forget_old(self) -> None:
        for _, key, _ in self._old()[KEPT:]:
            del self._jobs[key]


_at_work: WeakKeyDictionary[threading.Thread, Job] = WeakKeyDictionary()


@atexit.register
def _end() -> None:
    """Cancel what runs and wait for it: a thread inside torch would abort the ending process."""
    until = time.monotonic() + LAST_SECONDS
    threads = dict(_at_work)
    for job in threads.values():
        job.cancel()
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0))


def _run(job: Job, work: Callable[[Telling], object]) -> None:
    _least.set(BACKGROUND)
    try:
        with on_disk():
            work(job.progress)
        job.state = "done"
    except Cancelled:
        job.state = "cancelled"
    except ZsadError as error:
        job.error, job.state = str(error), "failed"
    except Exception as error:
        job.error, job.state = f"{job.title} stopped: {type(error).__name__}: {error}", "failed"
        raise
    finally:
        job.ended = time.monotonic()
        job._over.set()
