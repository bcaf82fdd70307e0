"""The Setup page's parts: data roots, device, store, encoding ahead of time."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui import compute, uploaded
from pages.ui.compute import plain
from pages.ui.sidebar import Choice, sidebar
from pages.ui.training import training
from pages.ui.weights import weights
from zsad_core import datasets, evaluation, pipeline, settings
from zsad_core.datasets import Dataset
from zsad_core.doctor import device_lines
from zsad_core.errors import ZsadError
from zsad_core.types import DataSpec, Progress

PROBLEM = "cannot be used because"
SECTIONS = ("Data", "Weights", "Train", "Device and store", "Encode ahead")


def setup() -> None:
    """One section at a time; data roots can be mended here even when no subject is usable."""
    section = st.segmented_control(
        "Section", SECTIONS, default="Data", key="section", label_visibility="collapsed"
    )
    if section == "Encode ahead":
        _ahead(sidebar())
    elif section == "Weights":
        weights()
    elif section == "Train":
        training()
    elif section == "Device and store":
        _device()
    else:
        _data()


def _data() -> None:
    uploaded.uploads()
    roots = settings.data_roots()
    for name, spec in roots.items():
        with st.container(border=True):
            _root(name, spec)
    st.subheader("Add a folder")
    with st.form("add", border=False):
        path = st.text_input("Folder that holds the scans", placeholder="/data/BraTS-MET")
        kind = st.selectbox(
            "Layout",
            ["brats", "folder"],
            format_func={
                "brats": "BraTS (MET, GLI; 2021 to 2026 naming)",
                "folder": "plain NIfTI files",
            }.get,
        )
        labels = st.selectbox(
            "Label convention",
            ["auto", "2021", "2023"],
            format_func={
                "auto": "told by the file names",
                "2021": "2021: whole tumour = 1, 2, 4",
                "2023": "2023 and later: whole tumour = 1, 2, 3",
            }.get,
        )
        if st.form_submit_button("Add") and path:
            name = settings.remember(DataSpec(kind, path, labels))
            compute.engine().forget()
            st.success(f"Added {plain(name)}; choose it under Data in the sidebar of any page.")


def _root(name: str, spec: DataSpec) -> None:
    head, check, drop = st.columns([6, 1, 1], vertical_alignment="center")
    own = not spec.kind.startswith("demo")
    if own and drop.button("Forget", key=f"forget-{name}", help="The folder stays as it is."):
        settings.forget(name)
        st.rerun()
    try:
        dataset = datasets.open_dataset(spec)
    except ZsadError as error:
        head.markdown(f"**{plain(name)}**")
        st.error(plain(str(error)))
        return
    subjects = dataset.subjects()
    usable = sum(not subject.problem for subject in subjects)
    badge = " :orange-badge[synthetic]" if dataset.synthetic else ""
    head.markdown(f"**{plain(dataset.title)}**{badge} {usable} of {len(subjects)} subjects usable")
    if own:
        head.caption(plain(spec.root))
        _check(name, dataset, check)
    rows = [
        {
            "subject": s.id,
            "split": s.split,
            "modalities": ", ".join(s.modalities),
            "truth": "yes" if s.has_truth else "no",
            PROBLEM: s.problem,
            "notes": " ".join(s.notes),
        }
        for s in sorted(subjects, key=lambda subject: not subject.problem)
    ]
    wide = {name: st.column_config.TextColumn(width="large") for name in (PROBLEM, "notes")}
    table = pd.DataFrame(rows)
    st.dataframe(table, hide_index=True, width="stretch", height=280, column_config=wide)


def _check(name: str, dataset: Dataset, place: DeltaGenerator) -> None:
    """Indexing reads no voxel; this reads every scan, so that each finding is in the table."""
    jobs, key = compute.engine().jobs, f"check-{name}"
    job = jobs.find(key)
    if job is not None and job.state == "running":
        compute.show_job(job)
        return

    def work(progress: Progress) -> None:
        subjects = dataset.subjects()
        for done, subject in enumerate(subjects):
            progress(done, len(subjects))
            dataset.check(subject.id)

    if place.button("Check", key=key, help="Reads every scan and says what is wrong with it."):
        jobs.start(key, "Checking scans, subjects", work, "pages/6_Setup.py")
        st.rerun()


def _device() -> None:
    for line in device_lines(compute.engine().device, compute.engine().precision()):
        st.write(line)
    st.subheader("Jobs")
    compute.show_running()
    st.subheader("Store")
    store = compute.engine().store
    left, right = st.columns(2)
    left.metric("Store", f"{store.size_bytes() / 2**20:.0f} MB")
    left.caption(f"At most {store.limit_bytes / 2**30:.0f} GB (`ZSAD_CACHE_GB`); {store.root}")
    if right.button("Clear the store", help="Features and texts are computed again when needed."):
        store.clear()
        st.rerun()


def _ahead(choice: Choice) -> None:
    usable = [subject.id for subject in choice.subjects if not subject.problem]
    chosen = st.multiselect("Subjects", usable, default=[choice.subject.id])
    engine, key = compute.engine(), "ahead"
    job = engine.jobs.find(key)
    if job is not None and job.state == "running":
        compute.show_job(job)
        return
    if job is not None:
        st.caption(f"Last run: {job.state}. {job.error}")

    def work(progress: Progress) -> None:
        for done, subject in enumerate(chosen):
            progress(done, len(chosen))
            spec = evaluation.of_subject(choice.map, subject)
            pipeline.encode(engine, spec, progress=lambda *_, at=done: progress(at, len(chosen)))

    count = f"{len(chosen)} of {len(usable)} subjects"
    if st.button(f"Encode {count} for {choice.label}", disabled=not chosen):
        engine.jobs.start(key, "Encoding ahead, subjects", work, "pages/1_Explore.py")
        st.rerun()
