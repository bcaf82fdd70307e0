"""The Setup page's data: the roots, what is wrong with each subject, and a form for another."""

from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.setup.uploads import uploads
from pages.ui.shell import compute, navigate, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.navigate import Target
from zsad_core.base import settings
from zsad_core.base.wording import counted
from zsad_core.errors import ZsadError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets import Dataset
from zsad_core.types import DataSpec, Progress, Subject

FINDING = "notes"
ROW, TALLEST = 35, 220  # pixels of a row, and of a table
FEW, SENTENCES = 5, 200  # findings shown without scrolling, and at most
LAYOUTS = {"brats": "BraTS (MET, GLI; 2021 to 2026 naming)", "folder": "plain NIfTI files"}
LABELS = {
    "auto": "from the file names",
    "2021": "2021: whole tumour = 1, 2, 4",
    "2023": "2023 and later: whole tumour = 1, 2, 3",
}


def data_roots() -> None:
    """The way to add a folder, the user's own files, and every root with its subjects."""
    with st.container(border=True):
        _form()
    uploads()
    for problem in settings.unreadable("data", DataSpec):
        st.warning(escape(problem))
    for name, spec in settings.data_roots().items():
        with st.container(border=True):
            _root(name, spec)


def _form() -> None:
    st.markdown("**A folder on this machine**")
    with st.form("add", border=False):
        columns = st.columns([4, 3, 3, 1], vertical_alignment="bottom")
        path = columns[0].text_input("Folder that holds the scans", placeholder="/data/BraTS-MET")
        kind = columns[1].selectbox("Layout", list(LAYOUTS), format_func=LAYOUTS.get)
        labels = columns[2].selectbox("Label convention", list(LABELS), format_func=LABELS.get)
        if columns[3].form_submit_button("Add", width="stretch"):
            try:
                _add(DataSpec(kind, path.strip(), labels))
            except ZsadError as error:  # a folder already added can still be mended below
                st.error(escape(str(error)))
    _added()


def _add(spec: DataSpec) -> None:
    """Keep a folder that holds scans of its layout; raises DataError for another."""
    with st.spinner("Reading the folder …"):
        _afresh(settings.resolved(spec))
    session.ADDED_ROOT.set(settings.remember(spec))
    st.rerun()


def _added() -> None:
    """The folder just added, with the way to its first usable subject."""
    name = session.ADDED_ROOT.get()
    if name not in (roots := settings.data_roots()):
        return
    subjects = datasets.open_dataset(roots[name]).subjects()
    text, use = st.columns([6, 1], vertical_alignment="center")
    text.success(
        escape(f"Added {name} with {counted(len(subjects), 'subject')}. Check reads every scan.")
    )
    usable = [subject.id for subject in subjects if not subject.problem]
    if use.button("Use it now", type="primary", disabled=not usable, width="stretch"):
        session.ADDED_ROOT.pop()
        navigate.to(Target(usable[0], data=name))


def _afresh(spec: DataSpec) -> Dataset:
    """The data set as its files are now, whatever was known of them."""
    datasets.forget(spec)
    compute.engine().forget()
    return datasets.open_dataset(spec)


def _root(name: str, spec: DataSpec) -> None:
    head, check, drop = st.columns([6, 1, 1], vertical_alignment="center")
    own = not spec.kind.startswith("demo")
    if own and drop.button("Forget", key=f"forget-{name}", help="The folder stays as it is."):
        settings.forget(name)
        st.rerun()
    try:
        dataset = datasets.open_dataset(spec)
    except ZsadError as error:
        head.markdown(f"**{escape(name)}**")
        st.error(escape(str(error)))
        return
    subjects = dataset.subjects()
    usable = sum(not subject.problem for subject in subjects)
    badge = " :orange-badge[synthetic]" if dataset.synthetic else ""
    count = f"{usable} of {counted(len(subjects), 'subject')} usable"
    head.markdown(f"**{escape(dataset.title)}**{badge} {count}")
    if own:
        head.caption(escape(spec.root))
        _check(name, spec, dataset.title, check)
    _table(subjects, spec.root)


def _table(subjects: tuple[Subject, ...], root: str) -> None:
    """What was found, in whole sentences, then all subjects; files are named below their root."""
    ordered = sorted(subjects, key=lambda one: (not one.problem, not one.notes))
    below = f"{Path(root).expanduser()}/" if root else ""
    table = pd.DataFrame(
        {
            "subject": one.id,
            "split": one.split,
            "modalities": ", ".join(one.modalities),
            "truth": "yes" if one.has_truth else "no",
            "usable": "no" if one.problem else "yes",
            FINDING: " ".join(filter(None, (one.problem, *one.notes))).replace(below, ""),
        }
        for one in ordered
    )
    _findings(table.loc[table[FINDING] != "", ["subject", "usable", FINDING]])
    shown = table.drop(columns=FINDING if table["split"].any() else [FINDING, "split"])
    height = min(TALLEST, ROW * (len(table) + 1) + 3)
    st.dataframe(shown, hide_index=True, width="stretch", height=height)


def _findings(found: pd.DataFrame) -> None:
    if found.empty:
        return
    height = TALLEST if len(found) > FEW else "content"
    st.table(found.head(SENTENCES).map(escape), border="horizontal", height=height, hide_index=True)
    if len(found) > SENTENCES:
        st.caption(f"The first {SENTENCES} of {len(found)} subjects with notes.")


def _check(name: str, spec: DataSpec, title: str, place: DeltaGenerator) -> None:
    """Indexing reads no voxel; this reads every scan, so that each finding is in the table."""
    jobs, key = compute.engine().jobs, f"check-{name}"
    job = jobs.find(key)
    if job is not None and job.state == "running":
        compute.show_job(job)
        return

    def work(progress: Progress) -> None:
        dataset = _afresh(spec)
        subjects = dataset.subjects()
        for done, subject in enumerate(subjects):
            progress(done, len(subjects))
            dataset.check(subject.id)

    told = "Reads the folder again and every scan, and lists what is wrong with each."
    if place.button("Check", key=key, help=told):
        compute.start(key, f"Checking {title}, subjects", work, "pages/6_Setup.py")
        st.rerun()
