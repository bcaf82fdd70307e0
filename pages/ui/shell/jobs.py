"""The jobs of this machine, at the foot of the sidebar of every page."""

from collections.abc import Callable, Sequence

import streamlit as st

from pages.ui.shell import login, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.user import user
from zsad_core.base.jobs import Job, JobBoard

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


def progress_text(job: Job, user: str) -> str:
    """Whose a job is and how far it got, as markdown."""
    title = _title(job, user)
    if job.stopping:
        return f"{title}: stopping after this step …"
    left = job.seconds_left()
    remainder = f", about {_time(left)} left" if left is not None else ""
    note = _note(job, user)
    remainder += f", {note}" if note else ""
    return f"{title}: {f'{job.done} of {job.total}' if job.total else 'starting …'}{remainder}"


def cancel(job: Job) -> None:
    """Stop a job that is this user's; a message written by hand clicks a disabled button too."""
    if job.owned_by(user()):
        job.cancel()


def _title(job: Job, user: str) -> str:
    """Whose it is and what it does; with a login nobody is told what another's job does."""
    title = escape(job.title)
    if not job.clients:
        return title
    if job.owned_by(user):
        return f"Yours: {title}"
    return "Another user's job" if login.required() else f"Another user's: {title}"


def _note(job: Job, user: str) -> str:
    """The note of its last step, as markdown; "" where only who waits for it may read it."""
    return escape(job.note) if job.owned_by(user) or not login.required() else ""


def _jobs(board: JobBoard) -> None:
    running = list(board.running().values())
    ended = [job for job in board.ended(SECONDS, SHOWN) if job.page or job.state != "done"]
    if not running and not ended:
        return
    counts = ((len(running), "running"), (len(ended), "ended"))
    label = ", ".join(f"{count} {state}" for count, state in counts if count)
    is_open = session.JOBS_OPEN.get()
    # No expander: it closes where its label changes, and when the page does.
    st.button(
        f"Jobs: {label}",
        key="jobs-line",
        icon=f":material/{'expand_less' if is_open else 'expand_more'}:",
        width="stretch",
        on_click=session.JOBS_OPEN.set,
        args=(not is_open,),
    )
    if not is_open:
        return
    for job in running:
        _running(job)
    for job in ended:
        _ended(job)
    _buttons(running, ended)


def _running(job: Job) -> None:
    bar, stop = st.columns([5, 1], vertical_alignment="center", gap="small")
    bar.progress(job.fraction(), progress_text(job, user()))
    own = job.owned_by(user())
    stop.button(
        "",
        key=f"stop-{id(job)}",
        icon=":material/close:",
        help=f"Stop: {escape(job.title)}" if own else "Only who started it can stop it.",
        type="tertiary",
        disabled=job.stopping or not own,
        on_click=cancel,
        args=(job,),
    )


def _ended(job: Job) -> None:
    """What came of it: the way to the result, or why there is none."""
    title = _title(job, user())
    if job.state == "done":
        st.page_link(job.page, label=f"{title}: {_note(job, user()) or 'done'}", icon=MARKS["done"])
        return
    outcome = "failed; see its page" if job.error else f"stopped after {job.done} of {job.total}"
    st.caption(f"{MARKS[job.state]} {title}: {outcome}.")


def _buttons(running: Sequence[Job], ended: Sequence[Job]) -> None:
    """For one's own jobs alone."""
    own = [job for job in running if job.owned_by(user()) and not job.stopping]
    with st.container(horizontal=True):
        st.button(
            "Stop all", key="stop-all", help="Stops your running jobs; finished work is kept.",
            disabled=not own, on_click=_each, args=(Job.cancel, own),
        )  # fmt: skip
        done = [job for job in ended if job.owned_by(user())]
        st.button(
            "Clear done", key="clear-done", help="Takes your ended jobs off this list.",
            disabled=not done, on_click=_each, args=(Job.clear, done),
        )  # fmt: skip


def _each(act: Callable[[Job], None], jobs: Sequence[Job]) -> None:
    for job in jobs:
        act(job)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
