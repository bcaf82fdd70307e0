"""The jobs of this machine, at the foot of the sidebar of every page."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.shell import login, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.user import user
from zsad_core.base.jobs import ANOTHERS, Job, JobBoard

SHOWN, SECONDS = 5, 15 * 60  # ended jobs: how many, for how long
LOOK_S = 2.0  # from one look to the next; the page that started a job looks more often itself
MARKS = {"failed": ":material/error:", "cancelled": ":material/cancel:", "done": ":material/check:"}


def jobs_below(board: JobBoard) -> None:
    """What runs and what ended lately, one line that opens on demand.

    It looks again while something runs; the page does not.
    """
    every = LOOK_S if board.running() else None
    with st.container(key="jobs"):  # by its style in sight while something runs
        st.fragment(_jobs, run_every=every)(board)


def progress_row(job: Job, label: str, key: str, looks: dict[str, Any]) -> None:
    """How far a job got, and a button that cancels it, for those who wait for it."""
    bar, stop = st.columns([5, 1], vertical_alignment="center")
    bar.progress(job.fraction(), _progress_text(job))
    disabled = job.stopping or not job.owned_by(user())
    stop.button(label, key=key, disabled=disabled, on_click=cancel, args=(job,), **looks)


def _progress_text(job: Job) -> str:
    """Whose a job is and how far it got, as markdown."""
    title = _title(job)
    if job.stopping:
        return f"{title}: stopping after this step …"
    text = f"{title}: {f'{job.done} of {job.total}' if job.total else 'starting …'}"
    if (left := job.seconds_left()) is not None:
        text += f", about {f'{left:.0f} s' if left < 120 else f'{left / 60:.0f} min'} left"
    note = _note(job)
    return f"{text}, {note}" if note else text


def cancel(job: Job) -> None:
    """Stop a job that is this user's; a message written by hand clicks a disabled button too."""
    if job.owned_by(user()):
        job.cancel(user())


def is_anothers(job: Job) -> bool:
    """Whether with a login only other users wait for it: then nobody else reads what it does."""
    return login.required() and not job.owned_by(user())


def outcome_text(job: Job) -> str:
    """Why a job gave nothing, as this user may know it, as plain text."""
    return job.outcome(user(), named=not is_anothers(job))


def _title(job: Job) -> str:
    """Whose it is and what it does; with a login nobody is told what another's job does."""
    if is_anothers(job):
        return ANOTHERS
    whose = ("Yours: " if job.owned_by(user()) else "Another user's: ") if job.clients else ""
    return f"{whose}{escape(job.title)}"


def _note(job: Job) -> str:
    """The note of its last step, as markdown; "" where only who waits for it may read it."""
    return "" if is_anothers(job) else escape(job.note)


def _jobs(board: JobBoard) -> None:
    running = list(board.running().values())
    ended = [job for job in board.ended(SECONDS, SHOWN) if job.page or job.state != "done"]
    if not running and not ended:
        return
    counts = ((len(running), "running"), (len(ended), "ended"))
    label = ", ".join(f"{count} {state}" for count, state in counts if count)
    is_open = session.JOBS_OPEN.get()
    icon = f":material/{'expand_less' if is_open else 'expand_more'}:"
    turn = partial(session.JOBS_OPEN.set, not is_open)
    # No expander: it closes where its label changes, and when the page does.
    st.button(f"Jobs: {label}", "jobs-line", on_click=turn, icon=icon, width="stretch")
    if not is_open:
        return
    for job in running:
        own = job.owned_by(user())
        what = f"Stop: {escape(job.title)}" if own else "Only who started it can stop it."
        looks = {"icon": ":material/close:", "help": what, "type": "tertiary"}
        progress_row(job, "", f"stop-{id(job)}", looks)
    for job in ended:
        _ended(job)
    _buttons(running, ended)


def _ended(job: Job) -> None:
    """What came of it: the way to the result, or why there is none."""
    if job.state == "done":
        label = f"{_title(job)}: {_note(job) or 'done'}"
        st.page_link(job.page, label=label, icon=MARKS["done"])
        return
    outcome = "failed; see its page" if job.error else f"stopped after {job.done} of {job.total}"
    st.caption(f"{MARKS[job.state]} {_title(job)}: {outcome}.")


def _buttons(running: Sequence[Job], ended: Sequence[Job]) -> None:
    """For one's own jobs alone."""
    own = [job for job in running if job.owned_by(user()) and not job.stopping]
    done = [job for job in ended if job.owned_by(user())]
    with st.container(horizontal=True):
        stop, clear = partial(_each, cancel, own), partial(_each, Job.clear, done)
        what = "Stops your running jobs; finished work is kept."
        st.button("Stop all", "stop-all", what, stop, disabled=not own)
        what = "Takes your ended jobs off this list."
        st.button("Clear done", "clear-done", what, clear, disabled=not done)


def _each(act: Callable[[Job], None], jobs: Sequence[Job]) -> None:
    for job in jobs:
        act(job)
