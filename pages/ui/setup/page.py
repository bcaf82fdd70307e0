"""The Setup page's parts: its sections; device, feature cache, pre-encoding."""

import streamlit as st

from pages.ui.setup.data_roots import data_roots
from pages.ui.setup.predictions import predictions
from pages.ui.setup.training import training
from pages.ui.setup.weights import weights
from pages.ui.shell import compute
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import UserChoice, sidebar
from zsad_core.base.jobs import Telling
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.cli.doctor import device_lines
from zsad_core.inference import evaluation, pipeline

SECTIONS = ("Data", "Predictions", "Weights", "Train", "Device and cache", "Pre-encode")


def setup() -> None:
    """One section at a time; data roots can be mended here even when no subject is usable."""
    section = st.segmented_control(
        "Section", SECTIONS, default="Data", key="section", label_visibility="collapsed"
    )
    if section == "Pre-encode":
        _pre_encode(sidebar(shows_scan=False))
    elif section == "Weights":
        weights()
    elif section == "Predictions":
        predictions()
    elif section == "Train":
        training()
    elif section == "Device and cache":
        _device()
    else:
        data_roots()


def _device() -> None:
    for line in device_lines(compute.engine().device, compute.engine().precision()):
        st.write(line)
    st.subheader("Jobs")
    compute.show_running()
    st.subheader("Feature cache")
    store = compute.engine().store
    left, right = st.columns(2)
    left.metric("Size", f"{store.size_bytes() / 2**20:.0f} MB")
    left.caption(f"At most {store.limit_bytes / 2**30:.0f} GB (`ZSAD_CACHE_GB`); {store.root}")
    if right.button("Clear cache", help="Features and texts are recomputed when needed."):
        store.clear()
        st.rerun()


def _pre_encode(choice: UserChoice) -> None:
    usable = [subject.id for subject in choice.subjects if not subject.problem]
    chosen = st.multiselect("Subjects", usable, default=[choice.subject.id])
    engine, key = compute.engine(), f"pre-encode-{key_of('', data=choice.data)}"
    job = engine.jobs.find(key)
    if job is not None and job.state == "running":
        compute.show_job(job)
        return
    if job is not None:
        st.caption(f"Last run: {job.state}. {escape(job.error)}")

    def work(progress: Telling) -> None:
        for done, subject in enumerate(chosen):
            progress(done, len(chosen))
            spec = evaluation.of_subject(choice.map, subject)

            def step(part: int, parts: int, at: int = done) -> None:
                progress(at, len(chosen), f"slice {part} of {parts}")

            pipeline.encode(engine, spec, progress=step)
        progress(len(chosen), len(chosen))

    count = f"{len(chosen)} of {counted(len(usable), 'subject')}"
    if st.button(f"Encode {count} for {choice.label}", disabled=not chosen):
        title = f"Pre-encoding for {choice.label}, subjects"
        engine.jobs.start(key, title, work, "pages/1_Explore.py")
        st.rerun()
