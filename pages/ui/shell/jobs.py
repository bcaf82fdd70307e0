"""The jobs of this machine, at the foot of the sidebar of every page."""

import streamlit as st

from pages.ui.shell.markdown import escape
from zsad_core.base.jobs import Job, JobBoard

SHOWN, SECONDS = 5, 15 * 60  # ended jobs: how many, for how long
LOOK_S = 2.0  # from one look to the next; the page that started a job looks more often itself
MARKS = {"failed": ":material/error:", "cancelled": ":material/cancel:", "done": ":material/check:"}


def jobs_below(board: JobBoard) -> None:
    """What runs and what ended lately; looks again while something runs, the page does not."""
    every = LOOK_S if board.running() else None
    with st.container(key="jobs"):  # by its style in sight while something runs
        st.fragment(_jobs, run_every=every)(board)


def progress_text(job: Job) -> str:
    """How far a job is, as markdown."""
    if job.stopping:
        return f"{escape(job.title)}: stopping after this step …"
    left = job.seconds_left()
    rest = f", about {_time(left)} left" if left is not None else ""
    rest += f", {escape(job.note)}" if job.note else ""
    far = f"{job.done} of {job.total}" if job.total else "starting …"
    return f"{escape(job.title)}: {far}{rest}"


def _jobs(board: JobBoard) -> None:
    running = board.running().values()
    ended = [job for job in board.ended(SECONDS, SHOWN) if job.page or job.state != "done"]
    if not running and not ended:
        return
    st.divider()
    st.markdown("**Jobs**", help="All jobs on this machine, whoever started them.")
    for job in running:
        bar, stop = st.columns([5, 1], vertical_alignment="center", gap="small")
        bar.progress(job.fraction(), progress_text(job))
        stop.button(
            "",
            key=f"stop-{id(job)}",
            icon=":material/close:",
            help=f"Stop: {escape(job.title)}",
            type="tertiary",
            disabled=job.stopping,
            on_click=job.cancel,
        )
    for job in ended:
        _ended(job)


def _ended(job: Job) -> None:
    """What came of it: the way to the result, or why there is none."""
    if job.state == "done":
        gave = f"{escape(job.title)}: {escape(job.note) or 'done'}"
        st.page_link(job.page, label=gave, icon=MARKS["done"])
        return
    stopped = f"{job.title}: stopped after {job.done} of {job.total}; finished work is kept."
    failed = f"{job.title}: failed; see its page."  # which alone says why: all see this
    st.caption(f"{MARKS[job.state]} {escape(failed if job.error else stopped)}")


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
