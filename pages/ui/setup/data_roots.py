"""The Setup page's data: the roots, what is wrong with each subject, and a form for another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.setup.new_root import afresh, new_root, proposal
from pages.ui.setup.uploads import uploads
from pages.ui.shell import audit, compute, navigate, session, visitors
from pages.ui.shell.markdown import escape
from pages.ui.shell.navigate import Target
from zsad_core.base import settings
from zsad_core.base.wording import counted
from zsad_core.errors import ZsadError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets.cases import lesion_labels
from zsad_core.types import DataSpec, Progress, Subject

FINDING = "notes"
TO_CHECK = "Files were listed, not read: press Check beside the folder below to read every scan."
ROW, TALLEST = 35, 220  # pixels of a row, and of a table
FEW, SENTENCES = 5, 200  # findings shown without scrolling, and at most


def data_roots() -> None:
    """The way to add a folder, the user's own files, and every root with its subjects."""
    if visitors.may_operate():
        with st.container(border=True):
            new_root()
            _added()
    uploads()
    for problem in (*settings.unreadable("data", DataSpec), settings.not_permitted()):
        if problem:
            st.warning(escape(problem))
    for name, spec in settings.data_roots().items():
        with st.container(border=True):
            _root(name, spec)


def _added() -> None:
    """The folder just added, with the way to its first usable subject."""
    name = session.ADDED_ROOT.get()
    if name not in (roots := settings.data_roots()):
        return
    subjects = datasets.open_dataset(roots[name]).subjects()
    text, use = st.columns([6, 1], vertical_alignment="center")
    count = counted(len(subjects), "subject")
    text.success(escape(f"Added {name} with {count}. {TO_CHECK}"))
    usable = [subject.id for subject in subjects if not subject.problem]
    if use.button("Use it now", type="primary", disabled=not usable, width="stretch"):
        session.ADDED_ROOT.pop()
        navigate.to(Target(usable[0], data=name))


def _root(name: str, spec: DataSpec) -> None:
    head, check, change, drop = st.columns([5, 1, 1, 1], vertical_alignment="center")
    own = not spec.kind.startswith("demo")
    changes = own and visitors.may_operate()
    if changes and change.button("Change", key=f"change-{name}", help="Layout, lesion and words."):
        session.NEW_ROOT.pop()
        session.CHANGED_ROOT.set(spec)
        st.rerun()
    if changes and drop.button("Forget", key=f"forget-{name}", help="The folder stays as it is."):
        settings.forget(name)
        audit.note("deletion", f"data root {name}")
        st.rerun()
    if changes and session.CHANGED_ROOT.get() == spec:
        proposal(spec, "Save")
    try:
        dataset = datasets.open_dataset(spec)
    except ZsadError as error:
        head.markdown(f"**{escape(settings.shown_name(name))}**")
        st.error(escape(str(error)))
        return
    subjects = dataset.subjects()
    usable = sum(not subject.problem for subject in subjects)
    badge = " :orange-badge[synthetic]" if dataset.synthetic else ""
    count = f"{usable} of {counted(len(subjects), 'subject')} usable"
    head.markdown(f"**{escape(dataset.title)}**{badge} {count}")
    if own:
        head.caption(escape(" · ".join((spec.root, *_choices(spec)))))
    if changes:
        _check(name, spec, dataset.title, check)
    _table(subjects, spec.root)


def _choices(spec: DataSpec) -> Iterator[str]:
    """What the user chose for a root, beside its layout."""
    if lesion := lesion_labels(spec.labels):
        yield f"lesion: labels {', '.join(map(str, lesion))}"
    if spec.contrast:
        yield f"contrast: {spec.contrast}"
    if spec.region != DataSpec.region:
        yield f"region: {spec.region}"


def _table(subjects: tuple[Subject, ...], root: str) -> None:
    """What was found, in whole sentences, then all subjects; files are named below their root."""
    ordered = sorted(subjects, key=lambda subject: (not subject.problem, not subject.notes))
    below = f"{Path(root).expanduser()}/" if root else ""
    table = pd.DataFrame(
        {
            "subject": subject.id,
            "split": subject.split,
            "modalities": ", ".join(subject.modalities),
            "truth": "yes" if subject.has_truth else "no",
            "usable": "no" if subject.problem else "yes",
            FINDING: " ".join(filter(None, (subject.problem, *subject.notes))).replace(below, ""),
        }
        for subject in ordered
    )
    _findings(table.loc[table[FINDING] != "", ["subject", "usable", FINDING]])
    shown = table.drop(columns=FINDING if table["split"].any() else [FINDING, "split"])
    height = min(TALLEST, ROW * (len(table) + 1) + 3)
    st.dataframe(shown, hide_index=True, height=height)


def _findings(notes: pd.DataFrame) -> None:
    if notes.empty:
        return
    height: int | Literal["content"] = TALLEST if len(notes) > FEW else "content"
    st.table(notes.head(SENTENCES).map(escape), border="horizontal", height=height, hide_index=True)
    if len(notes) > SENTENCES:
        st.caption(f"The first {SENTENCES} of {len(notes)} subjects with notes.")


def _check(name: str, spec: DataSpec, title: str, place: DeltaGenerator) -> None:
    """Indexing reads no voxel; this reads every scan, so that each finding is in the table."""
    key = f"check-{name}"
    if compute.show_running(key):
        return

    def work(progress: Progress) -> None:
        dataset = afresh(spec)
        subjects = dataset.subjects()
        for done, subject in enumerate(subjects):
            progress(done, len(subjects))
            dataset.check(subject.id)

    what = "Reads the folder again and every scan, and lists what is wrong with each."
    if place.button("Check", key=key, help=what):
        compute.start(key, f"Checking {title}, subjects", work, "pages/6_Setup.py")
        st.rerun()
