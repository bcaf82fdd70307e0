"""Streamlit's memory around the core; the one place that turns a ZsadError into a message."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import streamlit as st

from zsad_core import pipeline
from zsad_core.engine import Engine
from zsad_core.errors import ZsadError
from zsad_core.jobs import Job
from zsad_core.store import key_of
from zsad_core.types import AnomalyMap, MapSpec, Progress, ReadoutSpec, SliceStack


@st.cache_resource(show_spinner=False)
def engine() -> Engine:
    """The resources that all sessions share."""
    return Engine()


@contextmanager
def page(title: str, icon: str) -> Iterator[None]:
    """Set the page up, and show what a user can act on as a sentence instead of a traceback."""
    st.set_page_config(page_title=f"{title} · ZSAD Explorer", page_icon=icon, layout="wide")
    try:
        yield
    except ZsadError as error:
        st.error(plain(str(error)))


def plain(text: str) -> str:
    """Text for a place that reads markdown, shown as it stands."""
    return re.sub(r"([\\`*_\[\]<>$~#|])", r"\\\1", text)


def stack(spec: MapSpec) -> SliceStack:
    """The subject's slices, with a bar while a synthetic subject is made or a scan is read."""
    with st.spinner(f"Loading {spec.features.slices.subject} …", show_time=True):
        return engine().stack(spec.features.slices)


def ready(spec: MapSpec) -> bool:
    """Whether every slice's features are stored, so that the whole map is quick."""
    return not pipeline.missing(engine(), spec)


def whole_map(spec: MapSpec) -> AnomalyMap:
    """The map of the whole volume, from memory if it is one of the last few."""
    return pipeline.anomaly_map(engine(), spec)


def start_encoding(spec: MapSpec) -> Job:
    """Encode the rest of the volume in the background; one that stopped waits for the user."""
    slices, name = spec.features.slices, spec.method
    key = f"encode-{key_of('', features=spec.features)}"
    return start_once(
        key,
        f"Encoding {slices.subject} for {name}",
        lambda progress: pipeline.encode(engine(), spec, progress=progress),
    )


def start_once(key: str, title: str, work: Callable[[Progress], object]) -> Job:
    """Start a job, or return the one of that key that runs, failed or was cancelled."""
    job = engine().jobs.find(key)
    if job is not None and job.state in ("failed", "cancelled"):
        return job
    return engine().jobs.start(key, title, work)


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
        left = job.seconds_left()
        rest = f", about {left:.0f} s left" if left is not None else ""
        columns = st.columns([5, 1], vertical_alignment="center")
        part = job.done / job.total if job.total else 0.0
        columns[0].progress(min(part, 1.0), f"{plain(job.title)}: {job.done} of {job.total}{rest}")
        if columns[1].button("Cancel", key=f"cancel-{id(job)}", width="stretch"):
            job.cancel()

    watch()


def at_level(spec: ReadoutSpec, level: int) -> ReadoutSpec:
    """The readout at another threshold."""
    return replace(spec, threshold=level)
