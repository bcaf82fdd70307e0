"""Streamlit's memory around the core; the one place that turns a ZsadError into a message."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any, Literal, NoReturn, TypeVar

import streamlit as st

from pages.ui.jobs import jobs_below, told
from pages.ui.keyboard import keyboard
from pages.ui.picks import carry, one_step_a_page
from pages.ui.plain import plain
from zsad_core import backbones, datasets, pipeline
from zsad_core.datasets.demo import Demo
from zsad_core.engine import Engine, Few
from zsad_core.errors import ZsadError
from zsad_core.jobs import Job
from zsad_core.store import key_of
from zsad_core.types import AnomalyMap, DataSpec, MapSpec, Progress, ReadoutSpec, SliceStack

T = TypeVar("T")
PAGES = {
    "app.py": "Start",
    "pages/1_Explore.py": "Explore",
    "pages/2_Prompts.py": "Prompts",
    "pages/3_Depth.py": "Depth",
    "pages/4_Cohort.py": "Cohort",
    "pages/5_Failures.py": "Failures",
    "pages/6_Setup.py": "Setup",
}
STYLE = """<style>
html { font-size: clamp(16px, 1vw, 22px); }  /* all of Streamlit's sizes follow it */
[data-testid="stMainBlockContainer"] { padding: 3.75rem clamp(1rem, 2.5vw, 3rem) 2rem; }
@media (max-width: 1000px) {  /* one below the other */
  .st-key-section > * > [data-testid="stHorizontalBlock"] > [data-testid="stColumn"] {
    min-width: 100%;
  }
}
[data-testid="stSidebarUserContent"] { padding-top: 0; }
[data-testid="stSidebarUserContent"] hr { margin: 0.25rem 0; }
[data-testid="stSidebarUserContent"] :has(> .st-key-jobs [data-testid="stProgress"]) {
  position: sticky; bottom: 0;
}
[data-testid="stTable"] [data-testid="stMarkdownContainer"] { max-width: none; }
[data-testid="stTable"] td:first-child, [data-testid="stTable"] td:first-child * {
  white-space: nowrap;
}
.st-key-jobs:has([data-testid="stProgress"]) {
  max-height: 34vh; overflow-y: auto; padding-bottom: 0.75rem;
  background: light-dark(#F8F8F7, #161B25);
}
[data-testid="stElementContainer"]:has(hr) + :has(> .st-key-jobs) hr { display: none; }
.st-key-jobs [data-testid="stPageLink"] p { white-space: normal; }
[data-testid="stMetricValue"] { font-size: clamp(1.1rem, 2.2vw, 2.25rem); }
[data-testid="stButtonGroup"] [role="radiogroup"] { flex-wrap: wrap; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.82; }
[data-testid="stPlotlyChart"] :is(
  .xtitle, .ytitle, .y2title, [class$="tick"] text, .annotation-text
) { fill: currentColor !important; }
[data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primaryFormSubmit"],
[data-testid="stMultiSelectTagsContainer"] [data-tag] {
  color: light-dark(white, #0E1117);  /* on the primary colour; the themes' own is always white */
}
</style>"""


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The resources that all sessions share."""
    return Engine()


@st.cache_resource(show_spinner=False)
def results() -> Few[Any]:
    """What background jobs found, by key, for all sessions; the last few."""
    return Few(64)


@st.cache_resource(show_spinner=False)
def get_ready(kind: str, _data: DataSpec) -> None:
    """Once, in the background: what the first scan of such data, tower and export wait for."""

    def work() -> None:
        dataset = datasets.open_dataset(_data)
        if isinstance(dataset, Demo):
            dataset.get_ready()
        backbones.get_ready()
        import_module("pages.ui.export")

    threading.Thread(target=work, name="get ready").start()


@contextmanager
def page(title: str, icon: str) -> Iterator[None]:
    """Set the page up; what a user can act on is a sentence instead of a traceback."""
    moved = carry(title)
    st.set_page_config(page_title=f"{title} · ZSAD Explorer", page_icon=icon, layout="wide")
    st.html(STYLE)
    with st.sidebar:
        for path, label in PAGES.items():
            st.page_link(path, label=label)
        keyboard()
        with st.container(gap=None):
            one_step_a_page()
            st.divider()
    try:
        with in_words():
            yield
    finally:
        st.session_state["_moved"] = False
        with st.sidebar:
            jobs_below(engine().jobs)
        st.session_state["_moved"] = moved


@contextmanager
def in_words() -> Iterator[None]:
    """What a user can act on is told as a sentence here; the page ends with it."""
    try:
        yield
    except ZsadError as error:
        st.error(plain(str(error)))
        st.stop()


def go(path: str, **address: str | list[str]) -> NoReturn:
    """Switch the page; each page writes the choice into its own address, beside what is given.

    Without parameters of its own, `st.switch_page` refuses to leave an address that widgets hold;
    a choice made for widgets that this session never drew is written by nobody else.
    """
    st.switch_page(path, query_params=address)


def stack(spec: MapSpec) -> SliceStack:
    """The subject's slices, with a bar while a synthetic subject is made or a scan is read."""
    get_ready(spec.features.slices.data.kind, spec.features.slices.data)
    with st.spinner(f"Loading {spec.features.slices.subject} …", show_time=True):
        return engine().stack(spec.features.slices)


def ready(spec: MapSpec) -> bool:
    """Whether all features are stored, so that the whole map is quick."""
    return pipeline.ready(engine(), spec)


def whole_map(spec: MapSpec) -> AnomalyMap:
    """The map of the whole volume, from memory if it is one of the last few."""
    return pipeline.anomaly_map(engine(), spec)


def start_encoding(spec: MapSpec) -> Job:
    """Encode and map the rest of the volume in the background; a stopped job waits for the user."""
    slices, name = spec.features.slices, spec.method
    key = f"encode-{key_of('', features=spec.features, volumes=spec.volumes)}"
    subject = "an uploaded scan" if slices.data.private else slices.subject  # all see the jobs
    beside = f" and {len(spec.volumes)} to score it against" if spec.volumes else ""

    def work(progress: Progress) -> None:
        pipeline.encode(engine(), spec, progress=progress)
        pipeline.anomaly_map(engine(), spec)  # quick, and there before the page asks for it

    return start_once(
        key,
        f"Encoding {subject}{beside} for {name}",
        work,
        "pages/1_Explore.py",
        slices.data.private,
    )


def start_once(
    key: str,
    title: str,
    work: Callable[[Progress], object],
    page: str = "",
    private: bool = False,
) -> Job:
    """Start a job, or return the one of that key that runs, failed or was cancelled."""
    job = engine().jobs.find(key)
    if job is not None and job.state in ("failed", "cancelled"):
        return job
    return engine().jobs.start(key, title, work, page, private)


def asked(
    key: str,
    title: str,
    work: Callable[[Progress], T],
    label: str,
    page: str = "",
    private: bool = False,
    looks: Literal["primary", "secondary"] = "primary",
) -> T | None:
    """What the job of that key found; until then a button that starts it, or its progress: None.

    `page` is the path of the page that asks. Without a label it starts by itself. A button beside
    a more important one looks secondary.
    """
    found, jobs = results().peek(key), engine().jobs
    if found is not None:
        return found
    job = jobs.find(key)
    if job is not None and job.state == "running":
        show_job(job)
        return None
    if job is not None and job.state != "done":
        stopped = f"{job.title}: stopped after {job.done} of {job.total}; what was done is kept."
        st.warning(plain(job.error or stopped))
    by_itself = job is None and not label
    if by_itself or st.button(label or "Try again", key=f"start-{key}", type=looks):
        jobs.start(key, title, lambda progress: results().put(key, work(progress)), page, private)
        st.rerun()
    return None


def live(key: str, title: str, work: Callable[[Progress], T], page: str) -> T | None:
    """What the job of that key found; until then it runs, in place of the session's last one."""
    found, jobs, state = results().peek(key), engine().jobs, st.session_state
    if found is not None:
        return found
    last = jobs.find(state.get("live", ""))
    if last is not None and state["live"] != key:
        last.cancel()
    state["live"] = key
    show_job(start_once(key, title, lambda progress: results().put(key, work(progress)), page))
    return None


def make_rest_of_demo(data: DataSpec) -> None:
    """Make the synthetic subjects not looked at yet, once nobody waits for anything else."""
    dataset = datasets.open_dataset(data)
    if not isinstance(dataset, Demo) or engine().jobs.running():
        return

    def work(progress: Progress) -> None:
        def step(done: int, total: int) -> None:
            progress(done, total)
            while len(engine().jobs.running()) > 1:  # somebody waits for something else
                progress(done, total)
                time.sleep(0.2)

        dataset.make_all(step)

    if not all(dataset.made(subject.id) for subject in dataset.subjects()):
        start_once(f"demo-{data.kind}", "Making the synthetic cohort", work, "pages/6_Setup.py")


def show_running() -> None:
    """Every job that runs, for anybody, with its progress and a cancel button."""
    running = list(engine().jobs.running().values())
    for job in running:
        show_job(job)
    if not running:
        st.caption("Nothing runs in the background.")


def show_job(job: Job) -> None:
    """Progress, time left and a cancel button; where it stopped, why, and a way to go on."""
    if job.state in ("failed", "cancelled"):
        left, right = st.columns([5, 1], vertical_alignment="center")
        stopped = f"{job.title}: stopped after {job.done} of {job.total}; kept."
        left.warning(plain(job.error or stopped))
        if right.button("Continue", key=f"again-{id(job)}", width="stretch"):
            engine().jobs.drop(job)
            st.rerun()
        return

    @st.fragment(run_every=1.0)
    def watch() -> None:
        if job.state != "running":
            st.rerun()
        columns = st.columns([5, 1], vertical_alignment="center")
        columns[0].progress(job.part(), told(job))
        columns[1].button(
            "Cancel",
            key=f"cancel-{id(job)}",
            width="stretch",
            disabled=job.stopping,
            on_click=job.cancel,
        )

    watch()


def at_level(spec: ReadoutSpec, level: int) -> ReadoutSpec:
    """The readout at another threshold."""
    return replace(spec, threshold=level)
