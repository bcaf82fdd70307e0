"""Work in the background: progress, time left, cancel; and one queue to the device."""

import atexit
import itertools
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, Protocol
from weakref import WeakKeyDictionary

from zsad_core.base.atomic import on_disk
from zsad_core.errors import Cancelled, ZsadError

INTERACTIVE, BACKGROUND = 0, 1
ENDED_JOBS = 100  # ended jobs that are remembered
ANOTHERS = "Another user's job"  # what a job is called that a user may know nothing of
EXIT_SECONDS = 10.0  # for jobs to reach their next step when Python ends
_lowest_priority: ContextVar[int] = ContextVar("lowest_priority", default=INTERACTIVE)
_user: ContextVar[str] = ContextVar("user", default="")
Turn = Callable[[], AbstractContextManager[object]]
"""Waits for the device and holds it for the block; `nullcontext` without other users."""


class NotedProgress(Protocol):
    """A `Progress` that also takes a few words to show beside it."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Called at each step; it may raise Cancelled to stop the work."""


@contextmanager
def on_behalf_of(user: str) -> Iterator[None]:
    """The turns that the block takes on a device are this user's; those of a job its first's."""
    before = _user.set(user)
    try:
        yield
    finally:
        _user.reset(before)


def current_user() -> str:
    """On whose behalf this thread works; "" for nobody in particular."""
    return _user.get()


class DeviceQueue:
    """One holder at a time; interactive work goes before background work, users take turns.

    Work takes a turn for each batch, so that a click never waits for a whole volume. Of one
    priority the user goes first whose last turn is longest ago, however many jobs others have;
    the jobs of one alternate, as each batch takes a new ticket. A job is always background work,
    whatever priority it requests.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        # Priority, user and number of each.
        self._waiting: list[tuple[int, str, int]] = []
        self._numbers = itertools.count(1)
        self._served: dict[str, int] = {}
        self._busy = False

    @contextmanager
    def turn(self, priority: int) -> Iterator[None]:
        """Wait for the device, hold it for the block."""
        least = max(priority, _lowest_priority.get())
        with self._changed:
            ticket = (least, _user.get(), next(self._numbers))
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: not self._busy and self._first() == ticket)
            self._waiting.remove(ticket)
            self._busy = True
            self._served[ticket[1]] = next(self._numbers)
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                if not self._waiting:
                    self._served.clear()
                self._changed.notify_all()

    def _first(self) -> tuple[int, str, int]:
        return min(
            self._waiting, key=lambda ticket: (ticket[0], self._served.get(ticket[1], 0), ticket[2])
        )


@dataclass(frozen=True)
class Client:
    """Who waits for a job: a user, and the tab of their browser. "" is nobody in particular."""

    user: str = ""
    tab: str = ""


@dataclass
class Job:
    """One piece of background work; read its fields at any time.

    `page` is the path of the page that shows what it gives, "" for none. `kind` names work that
    goes on only as long as a tab shows what it gives, "" for work that was started by hand. The
    note is that of the last step, or the `remark` on the whole work. `cancelled_by` is the user who
    cancelled it, "" where nobody in particular did. The title is seen by everybody; the error may
    name what only those who wait for it may see. Times are monotonic.
    """

    title: str
    page: str = ""
    kind: str = ""
    clients: set[Client] = field(default_factory=set)
    cleared: bool = False
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    done: int = 0
    total: int = 0
    error: str = ""
    note: str = ""
    remark: str = ""
    cancelled_by: str = ""
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _first: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Record the progress; another total has its own pace. Raises Cancelled after `cancel`."""
        if total != self.total:
            self.started, self._first = time.monotonic(), done
        self.done, self.total, self.note = done, total, note or self.remark
        if self._stop.is_set():
            raise Cancelled(f"'{self.title}' was cancelled after {done} of {total}.")

    def cancel(self, user: str = "") -> None:
        """Ask the work to stop at its next step."""
        self.cancelled_by = user
        self._stop.set()

    def clear(self) -> None:
        """Take it off the list of ended jobs."""
        self.cleared = True

    @property
    def stopping(self) -> bool:
        """Whether it was cancelled and runs only until its next step."""
        return self.state == "running" and self._stop.is_set()

    def owned_by(self, user: str) -> bool:
        """Whether a user waits for it, or nobody in particular does."""
        return not self.clients or user in {client.user for client in self.clients}

    def runs_for(self, user: str) -> bool:
        """Whether it runs, and goes on or was cancelled by this user and not by another one."""
        cancelled_by = self.cancelled_by if self.stopping else ""
        return self.state == "running" and cancelled_by in ("", user)

    def stopped_for(self, user: str) -> bool:
        """Whether it failed or was cancelled, and is this user's: what another cancels does not."""
        if self.state not in ("failed", "cancelled"):
            return False
        return self.cancelled_by == user if self.cancelled_by else self.owned_by(user)

    def outcome(self, user: str, named: bool = True) -> str:
        """Why it gave nothing, as a user may know it; `named` says whether that holds its title."""
        title = self.title if named else ANOTHERS
        if self.error:
            return self.error if self.owned_by(user) else f"{title}: failed."
        return f"{title}: stopped after {self.done} of {self.total}; finished work is kept."

    def wait(self, seconds: float) -> None:
        """Return once it has ended, or after so many seconds."""
        self._over.wait(seconds)

    def fraction(self) -> float:
        """Share done, 0 … 1; 0 before the total is known."""
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
        self._changed = threading.Condition()
        self._drawing = 0

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """A page is drawn within the block, and a user waits for it."""
        with self._changed:
            self._drawing += 1
        try:
            yield
        finally:
            with self._changed:
                self._drawing -= 1
                self._changed.notify_all()

    def give_way(self, step: Callable[[], object]) -> None:
        """Take a step of a job, again and again as long as a user waits for something else.

        That is a page being drawn, or a job of a kind, which a tab shows.
        """
        step()
        while self._drawing or any(job.kind for job in self.running().values()):
            with self._changed:
                self._changed.wait(0.2)
            step()

    def start(
        self,
        key: str,
        title: str,
        work: Callable[[NotedProgress], object],
        page: str = "",
        kind: str = "",
        client: Client | None = None,
    ) -> Job:
        """Run `work(progress)` in a thread; a job of that key already running is returned.

        One that another user cancelled, and that runs until its next step, is no longer waited for.
        """
        clients = {client} if client else set[Client]()
        with self._changed:
            job = self._jobs.get(key)
            if job is not None and job.runs_for(client.user if client else ""):
                job.clients |= clients
                return job
            job = self._jobs[key] = Job(title, page, kind, clients)
            self._forget_old()
        thread = threading.Thread(target=_run, args=(job, work, client), name=title, daemon=True)
        thread.start()
        _at_work[thread] = job
        return job

    def find(self, key: str) -> Job | None:
        """The last job of that key."""
        return self._jobs.get(key)

    def drop(self, job: Job) -> None:
        """Forget a job that has ended, so that its key can start afresh."""
        with self._changed:
            for key, other in list(self._jobs.items()):
                if other is job and job.state != "running":
                    del self._jobs[key]

    def follow(self, client: Client, kind: str, keys: Collection[str]) -> None:
        """A client's tab shows what these jobs of a kind give: it waits for no other of the kind.

        One that nobody waits for any more ends, and its key can start afresh at once.
        """
        with self._changed:
            for key, job in list(self._jobs.items()):
                waits = job.kind == kind and job.state == "running" and client in job.clients
                if waits and key not in keys:
                    job.clients.remove(client)
                    if not job.clients:
                        job.cancel()
                        del self._jobs[key]

    def running(self) -> dict[str, Job]:
        """Jobs still at work, by key."""
        with self._changed:
            return {key: job for key, job in self._jobs.items() if job.state == "running"}

    def ended(self, seconds: float, most: int) -> list[Job]:
        """Jobs that ended in the last so many seconds and were not cleared, the newest first."""
        with self._changed:
            since = time.monotonic() - seconds
            recent = (job for _, _, job in self._old() if (job.ended or 0) >= since)
            return [job for job in recent if not job.cleared][:most]

    def _old(self) -> list[tuple[float, str, Job]]:
        """When each job ended, its key, and the job; the newest first."""
        ended = [(job.ended, key, job) for key, job in self._jobs.items() if job.ended is not None]
        return sorted(ended, key=lambda entry: entry[0], reverse=True)

    def _forget_old(self) -> None:
        for _, key, _ in self._old()[ENDED_JOBS:]:
            del self._jobs[key]


_current: ContextVar[Job | None] = ContextVar("current_job", default=None)


def remark(words: str) -> None:
    """Show a few words beside the job at work, where no other note is; outside of one, log them."""
    if (job := _current.get()) is None:
        logging.getLogger(__name__).warning(words)
    else:
        job.note = job.remark = words


_at_work: WeakKeyDictionary[threading.Thread, Job] = WeakKeyDictionary()


@atexit.register
def _end() -> None:
    """Cancel what runs and wait for it: a thread inside torch would abort the ending process."""
    until = time.monotonic() + EXIT_SECONDS
    threads = dict(_at_work)
    for job in threads.values():
        job.cancel()
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0))


def _run(job: Job, work: Callable[[NotedProgress], object], client: Client | None) -> None:
    _lowest_priority.set(BACKGROUND)
    _user.set(client.user if client else "")
    _current.set(job)
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
