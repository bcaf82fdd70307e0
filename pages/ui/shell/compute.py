"""Streamlit's memory around the core: resources of all sessions, background jobs."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Literal, TypeGuard, TypeVar

import streamlit as st

from pages.ui.shell import session
from pages.ui.shell.jobs import outcome_text, progress_row
from pages.ui.shell.markdown import escape
from pages.ui.shell.user import client, user
from zsad_core.base.jobs import Job, NotedProgress
from zsad_core.base.lru_cache import LruCache
from zsad_core.base.store import Store, key_of
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets.demo import Demo
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.methods import configuration_name
from zsad_core.types import AnomalyMap, DataSpec, MapSpec, Progress, SliceSpec, SliceStack

T = TypeVar("T")
LOOK_S = 1.0  # from one look at a job to the next; each has the browser draw for 0.04 s
ENCODING, LIVE = "encoding", "live"  # kinds of jobs


_engines = LruCache[Engine](1)
_results = LruCache[Any](64)


def engine() -> Engine:
    """The resources that all sessions share; no message from a browser clears them.

    Streamlit's caches are cleared for all users by a message that any browser may send.
    """
    return _engines.get("engine", Engine)


def store() -> Store:
    """The feature cache, which the app's engine holds on disk."""
    cache = engine().store
    assert isinstance(cache, Store)
    return cache


def results() -> LruCache[Any]:
    """What background jobs found, by key, for all sessions; the last few."""
    return _results


@st.cache_resource(show_spinner=False)
def get_ready(kind: str, _data: DataSpec) -> threading.Thread:
    """Once, in the background: what the first scan of such data and the first tower wait for."""

    def work() -> None:
        dataset = datasets.open_dataset(_data)
        if isinstance(dataset, Demo):
            dataset.get_ready()
        import zsad_core.backbones.loading  # noqa: F401 — open_clip, which takes seconds

    thread = threading.Thread(target=work, name="get ready")
    thread.start()
    return thread


def wait_for_torch(scan: SliceSpec | None = None) -> None:
    """A new process imports PyTorch for seconds; that scan is read meanwhile."""
    if scan is not None and not engine().has_stack(scan):
        _read_ahead("scan", engine().stack, scan)
    _torch()


@st.cache_resource(show_spinner="Loading PyTorch …")
def _torch() -> None:
    import zsad_core.backbones.tower  # noqa: F401 — it brings torch

    engine().precision()  # timed where it is not known yet


def _read_ahead(what: str, read: Callable[..., object], *inputs: object) -> None:
    """Read in a thread; what is wrong is told where the page asks for it, which reads it again."""

    def work() -> None:
        with contextlib.suppress(Exception):
            read(*inputs)

    threading.Thread(target=work, name=what).start()


def stack(spec: MapSpec) -> SliceStack:
    """The subject's slices, with a bar while a synthetic subject is made or a scan is read."""
    slices = spec.features.slices
    if not engine().has_stack(slices):
        _read_ahead("texts", pipeline.read_texts, engine(), spec)
    with st.spinner(f"Loading {slices.subject} …", show_time=True):
        return engine().stack(slices)


def ready(spec: MapSpec) -> bool:
    """Whether the whole map is there, or all its features are stored, so that it is quick."""
    return pipeline.ready(engine(), spec)


def whole_map(spec: MapSpec) -> AnomalyMap:
    """The map of the whole volume, from memory if it is one of the last few."""
    return pipeline.anomaly_map(engine(), spec)


def public_name(slices: SliceSpec) -> str:
    """What a scan is called where everybody may read it."""
    return "an uploaded scan" if slices.data.private else slices.subject


def start_encoding(spec: MapSpec) -> Job:
    """Encode and map the rest of the volume in the background; a stopped job waits for the user."""
    beside = f" and {len(spec.volumes)} to score it against" if spec.volumes else ""
    configuration = configuration_name(spec.method, spec.setup)

    def work(progress: Progress) -> None:
        pipeline.anomaly_map(engine(), spec, progress)  # there before the page asks for it

    title = f"Encoding {public_name(spec.features.slices)}{beside} for {configuration}"
    return start_once(encoding_key(spec), title, work, "pages/1_Explore.py", ENCODING)


def encoding_key(spec: MapSpec) -> str:
    """Names what must be encoded for a map, whatever the prompts are."""
    return f"encode-{key_of('', features=spec.features, volumes=spec.volumes)}"


def start(
    key: str, title: str, work: Callable[[NotedProgress], object], page: str = "", kind: str = ""
) -> Job:
    """Start a job that this tab waits for; one of the key that runs already is returned.

    One of a `kind` ends as soon as no tab shows what it gives.
    """
    if kind:
        shows(kind, key)
    return engine().jobs.start(key, title, work, page, kind, client())


def start_once(
    key: str, title: str, work: Callable[[NotedProgress], object], page: str = "", kind: str = ""
) -> Job:
    """Start a job, or return the one of that key that runs, or was stopped for this user."""
    job = engine().jobs.find(key)
    return job if stopped(job) else start(key, title, work, page, kind)


def stopped(job: Job | None) -> TypeGuard[Job]:
    """Whether there is such a job, and it failed or was cancelled for this user."""
    return job is not None and job.stopped_for(user())


def outcome(job: Job) -> str:
    """Why a job gave nothing, as this user may know it, as markdown."""
    return escape(outcome_text(job))


def show_running(key: str) -> bool:
    """Whether the job of that key runs; its progress is shown then."""
    job = engine().jobs.running().get(key)
    if job is not None:
        show_job(job)
    return job is not None


def shows(kind: str, *keys: str) -> None:
    """This run shows what jobs of these keys give: they go on, others of the kind end."""
    shown = session.SHOWN_JOBS.get()
    session.SHOWN_JOBS.set({**shown, kind: {*shown.get(kind, ()), *keys}})


def end_jobs_not_shown() -> None:
    """End the jobs that this tab waited for and shows no longer.

    A page without jobs of a kind leaves those that the page before it showed last.
    """
    for kind, keys in {**session.JOBS_BEFORE.get(), **session.SHOWN_JOBS.get()}.items():
        engine().jobs.follow(client(), kind, keys)


def at_step(progress: Progress, done: int, total: int) -> Callable[..., None]:
    """Report a step; finer ones within it are given to what is returned, and report the same."""
    progress(done, total)
    return lambda *_: progress(done, total)


def job_result(
    key: str,
    title: str,
    work: Callable[[Progress], T],
    label: str,
    page: str = "",
    looks: Literal["primary", "secondary"] = "primary",
) -> T | None:
    """What the job of that key found; until then a button that starts it, or its progress: None.

    `page` is the path of the page that asks. Without a label it starts by itself. A button beside
    a more important one looks secondary.
    """
    result = results().peek(key)
    if result is not None:
        return result
    if show_running(key):
        return None
    job = engine().jobs.find(key)
    if stopped(job):
        st.warning(outcome(job))
    by_itself = job is None and not label
    if by_itself or st.button(label or "Try again", key=f"start-{key}", type=looks):
        start(key, title, lambda progress: results().put(key, work(progress)), page)
        st.rerun()
    return None


def live_result(key: str, title: str, work: Callable[[Progress], T], page: str) -> T | None:
    """What the job of that key found; until then it runs, in place of this tab's last one."""
    shows(LIVE, key)
    result = results().peek(key)
    if result is None:
        keep = results().put
        show_job(start_once(key, title, lambda progress: keep(key, work(progress)), page, LIVE))
    return result


def make_rest_of_demo(data: DataSpec) -> None:
    """Make the synthetic subjects not looked at yet, once nobody waits for anything else."""
    dataset, key = datasets.open_dataset(data), f"demo-{data.kind}"
    if not isinstance(dataset, Demo) or engine().jobs.running():
        return

    def work(progress: Progress) -> None:
        def step(done: int, total: int) -> None:
            progress(done, total)
            while others := [job for name, job in engine().jobs.running().items() if name != key]:
                progress(done, total)
                others[0].wait(0.2)  # somebody waits for something else

        dataset.make_all(step)

    if not all(dataset.exists(subject.id) for subject in dataset.subjects()):
        start_once(key, "Making the synthetic cohort", work, "pages/6_Setup.py")


def show_job(job: Job) -> None:
    """Progress, time left and a cancel button; where it stopped, why, and a way to go on."""
    if stopped(job):
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.warning(outcome(job))
        if right.button("Continue", key=f"again-{id(job)}", width="stretch"):
            engine().jobs.drop(job)
            st.rerun()
        return

    @st.fragment(run_every=LOOK_S)
    def watch() -> None:
        if 0 < (job.seconds_left() or 0) < LOOK_S:
            job.wait(LOOK_S)  # what it found is shown as soon as it is there
        if job.state != "running":
            st.rerun()
        progress_row(job, "Cancel", f"cancel-{id(job)}", {"width": "stretch"})

    watch()
