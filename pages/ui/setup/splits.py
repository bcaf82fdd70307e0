"""The Setup page's splits: the one in use, its subjects in a table, and two ways to add one."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import get_args

import pandas as pd
import streamlit as st

from pages.ui.shell import audit, compute, session
from pages.ui.shell.markdown import escape
from zsad_core.base import settings
from zsad_core.errors import SettingError, ZsadError
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.making import BALANCES, By, Draw, checked_table
from zsad_core.imaging.splits.reading import folds_of
from zsad_core.imaging.splits.tables import PARTS, Fold, SplitTable, check_table, patient_of
from zsad_core.types import DataSpec, Progress

PURPOSE = (
    "A split says which subjects train, which validate and which test. It rules training, "
    "validation thresholds, prompt search and what an evaluation reports. All time points of a "
    "patient, and scans of equal voxels, stay in one part."
)
COST = (
    "Without a split nothing keeps test subjects out of training, thresholds and prompts, and "
    "there is no validation threshold: numbers on subjects that were seen flatter."
)
NONE = "No split"
LEFT_OUT = "left out"
TALLEST = 400  # pixels


def splits() -> None:
    """For each of the user's own data roots: its splits, and the way to make or read one."""
    st.caption(PURPOSE)
    roots = {name: spec for name, spec in settings.data_roots().items() if spec.root}
    if not roots:
        st.info("The demo has a split of its own. Add a folder under Data to split it.")
        return
    if message := session.notice("splits"):
        st.success(escape(message))
    name = st.selectbox("Data", list(roots), key="splits-data")
    whole = replace(roots[name], split="")
    jobs, key = compute.engine().jobs, _job_key(whole)
    running = jobs.running().get(key)
    spec = settings.data_roots()[name]  # after that look: as a job that has ended left it
    _choice(spec)
    if spec.split:
        _table(spec)
    if running is not None:  # between all that starts it, so that it is in sight
        compute.show_job(running)
    elif (job := jobs.find(key)) is not None and job.error:
        st.error(compute.outcome(job))
    for column, form in zip(st.columns(2, gap="large"), (_draw, _upload), strict=True):
        with column:
            form(whole)


def _choice(spec: DataSpec) -> None:
    """The split in use, and what it costs to use none."""
    uses = [use for table in registry.tables(spec) for use in table.uses]
    options = [NONE, *uses]
    index = options.index(spec.split) if spec.split in uses else 0
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    choice = left.selectbox("Split in use", options, index, key=f"split-{spec.root}-{spec.split}")
    use = "" if choice == NONE else choice
    if use != spec.split:
        _use(replace(spec, split=use))
    if not use:
        st.warning(COST)
    elif right.button("Delete", key=f"delete-{spec.root}-{use}", width="stretch"):
        name = registry.find(spec, use).name
        registry.remove(spec, name)
        audit.note("deletion", f"split {name} of {spec.place}")
        session.notify("splits", f"Deleted the split {name} of {spec.place}.")
        _use(replace(spec, split=""))


def _table(spec: DataSpec) -> None:
    """The subjects with their part, to be changed in place."""
    table = registry.find(spec, spec.split)
    fold = table.fold(spec.split)
    counts = ", ".join(f"{len(subjects)} {part}" for part, subjects in fold.parts())
    st.caption(escape(f"{table.origin} · {fold.digest[:12]} · {counts}"))
    parts, choices = fold.part_of(), [*PARTS, LEFT_OUT]
    frame = pd.DataFrame(
        {
            "subject": subject.id,
            "patient": patient_of(subject.id),
            "site": subject.site,
            "part": parts.get(subject.id, LEFT_OUT),
        }
        for subject in datasets.open_dataset(spec).subjects()
    )
    edited = st.data_editor(
        frame,
        hide_index=True,
        height=min(TALLEST, 35 * (len(frame) + 1) + 3),
        disabled=["subject", "patient", "site"],
        column_config={"part": st.column_config.SelectboxColumn(options=choices, required=True)},
        key=f"split-table-{spec.root}-{spec.split}-{fold.digest}",
    )
    changed = int((edited["part"] != frame["part"]).sum())
    if not changed:
        return
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    key, what = f"split-as-{spec.root}-{table.name}", "Under another name both splits are kept."
    name = left.text_input("Save as", table.name, max_chars=40, key=key, help=what)
    if right.button(
        f"Save the changes ({changed})", type="primary", key="split-save", width="stretch"
    ):
        names = (edited.loc[edited["part"] == part, "subject"] for part in PARTS)
        folds, number = list(table.folds), table.uses.index(spec.split)
        folds[number] = Fold(*map(tuple, names))
        origin = table.origin.removesuffix(", edited") + ", edited"
        source = SplitTable(name.strip(), tuple(folds), origin)
        with _refused_here():
            _start(replace(spec, split=""), source.name, source, replaced=table.name, fold=number)


@contextmanager
def _refused_here() -> Iterator[None]:
    """What is wrong is said below the button that was clicked."""
    try:
        yield
    except ZsadError as error:
        st.error(escape(str(error)))


def _draw(whole: DataSpec) -> None:
    st.subheader("Draw a split")
    with st.form("split-draw", border=False):
        name = st.text_input("Name", "main", max_chars=40)
        columns = st.columns(3)
        train, validation, test = (
            column.number_input(f"{part} (%)", 0, 100, round(share))
            for column, part, share in zip(columns, PARTS, Draw.shares, strict=True)
        )
        balance = st.multiselect("Balance parts by", BALANCES, placeholder="Nothing")
        columns = st.columns(3)
        by = columns[0].selectbox("Keep whole", get_args(By))
        folds = columns[1].number_input("Folds", 1, 20, 1, help="For cross-validation.")
        seed = columns[2].number_input("Seed", 0)
        if st.form_submit_button("Draw"):
            with _refused_here():
                draw = Draw((train, validation, test), seed, by, tuple(balance), folds)
                _start(whole, name.strip(), draw)


def _upload(whole: DataSpec) -> None:
    st.subheader("Read a split")
    st.caption(
        "CSV or TSV with the columns subject and split, JSON with a list for each part, or "
        "nnU-Net's splits_final.json."
    )
    file = st.file_uploader("Split file", type=["csv", "tsv", "json"], key="split-file")
    name = st.text_input("Name", "main", max_chars=40, key="split-file-name")
    if st.button("Read", disabled=file is None, key="split-read") and file is not None:
        with _refused_here():
            folds = folds_of(file.name, file.getvalue())
            _start(whole, name.strip(), SplitTable("", folds, f"read from {file.name}"))


def _start(
    whole: DataSpec, name: str, source: Draw | SplitTable, replaced: str = "", fold: int = 0
) -> None:
    """Check the split against the scans in a job, keep it and use its fold of that number.

    Raises SettingError for what is seen without a scan: of the splits that are there, only the one
    of the name `replaced` may have its name.
    """
    if name != replaced and name in {table.name for table in registry.tables(whole)}:
        raise SettingError(f"There is a split '{name}' already; give another name or delete it.")
    dataset = datasets.open_dataset(whole)
    if isinstance(source, SplitTable):
        check_table(replace(source, name=name), {subject.id for subject in dataset.subjects()})

    def work(progress: Progress) -> None:
        table, _ = checked_table(dataset, name, source, progress)
        registry.save(whole, table, replaced=name == replaced)
        settings.remember(replace(whole, split=table.uses[fold]))

    title = f"Checking the split {name}, scans"
    compute.start(_job_key(whole), title, work, "pages/6_Setup.py")
    st.rerun()


def _use(spec: DataSpec) -> None:
    settings.remember(spec)
    st.rerun()


def _job_key(whole: DataSpec) -> str:
    return f"split-{whole.root}"
