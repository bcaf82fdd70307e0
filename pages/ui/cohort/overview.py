"""The top of the Cohort page: what the rows hold and by which conventions; its subjects."""

from dataclasses import replace
from math import isnan

import pandas as pd
import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.cohort.deletion import delete_rows
from pages.ui.cohort.opening import THIRD_NOTE, clicked_cells, open_row
from pages.ui.shell import visitors
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import CohortChoice
from zsad_core.base.wording import counted, decimals, listed
from zsad_core.metrics import intervals
from zsad_core.metrics.threshold_rules import Oracle
from zsad_core.report import captions, overview
from zsad_core.report.overview import MEASURES, Summary
from zsad_core.report.selection import Selection, filter_rows, left_out
from zsad_core.results.parquet import Stamp

NAMED = 5  # subjects of a configuration that are named
FORMATS = {"HD95 (mm)": "%.1f", "volume (ml)": "%.2f"}


def headline(choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection) -> None:
    """How much is evaluated, the best mean, what is missing; then the conventions of the page."""
    reading = cohort_rows.reading(*source, chosen)
    summary = _summary(*source, chosen)
    columns = st.columns([1, 1, 3, 3])
    columns[0].metric("Subjects", summary.subjects, help=f"{summary.with_dice} with a 3D Dice")
    columns[1].metric("Configurations", summary.configurations, help="method × prompts × setup")
    with columns[2]:
        _best(summary)
    others = _not_evaluated(choice, chosen, reading.frame)
    with columns[3]:
        missing = sum(map(len, summary.missing.values())) + len(others) * summary.configurations
        st.metric("Missing rows", missing)
        lacking = summary.missing.items()
        sentences = [f"{name}: {listed(subjects, NAMED)}" for name, subjects in lacking]
        if others:
            each = f"each of the {summary.configurations} configurations: {listed(others, NAMED)}"
            of_oracle = isinstance(chosen.group.rule, Oracle)
            sentences.append(each + (" (without a lesion there is no oracle)" if of_oracle else ""))
        st.caption(escape("; ".join(sentences)))
    frame = cohort_rows.dice(*source, chosen)
    caption = captions.caption(frame, chosen, left_out(reading.frame, chosen))
    st.caption(escape(f"{caption} In brackets, or as low and high: {intervals.WORDS}."))


@st.cache_resource(max_entries=16, show_spinner=False)
def _summary(root: str, stamp: Stamp, chosen: Selection) -> Summary:
    evaluated = cohort_rows.reading(root, stamp, chosen).frame
    return overview.summary(
        cohort_rows.dice(root, stamp, chosen),
        cohort_rows.means(root, stamp, chosen),
        filter_rows(evaluated, replace(chosen, exposed=True)),
    )


def _best(summary: Summary) -> None:
    best = summary.best
    if best is None:
        st.metric("Best mean 3D Dice", "–", help="No subject here has a 3D Dice.")
        return
    interval = "" if isnan(best.low) else f" [{decimals(best.low)}, {decimals(best.high)}]"
    st.metric("Best mean 3D Dice", f"{decimals(best.mean)}{interval}")
    st.caption(escape(f"{best.configuration}, {counted(best.subjects, 'subject')}"))


def _not_evaluated(choice: CohortChoice, chosen: Selection, frame: pd.DataFrame) -> list[str]:
    """Subjects of the sidebar's data, of the splits evaluated, without any row."""
    evaluated, splits = {*frame["subject"].unique()}, {*frame["split"].unique()}
    usable = [
        subject.id
        for subject in choice.subjects
        if subject.split in splits and subject.evaluable(chosen.group.modality)
    ]
    same_data = chosen.group.may_hold(choice.data) and not evaluated.isdisjoint(usable)
    return [name for name in usable if name not in evaluated] if same_data else []


def subjects(choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection) -> None:
    """Each subject's numbers by configuration; a click on one opens it in Explore."""
    st.subheader("Subjects")
    measures = st.multiselect("Measures", list(MEASURES), ["3D Dice"], key="measures")
    frame = cohort_rows.dice(*source, chosen)
    with cohort_rows.rows_of(*source) as rows:
        table = overview.subject_table(rows, frame, measures)
    formats = {
        name: st.column_config.NumberColumn(format=FORMATS.get(name.split(": ")[-1], "%.3f"))
        for name in map(str, table.frame.select_dtypes("float"))
    }
    cells = clicked_cells(table.frame, formats, "subjects-table")
    st.caption(f"Click a number to open it in Explore.{THIRD_NOTE if chosen.third else ''}")
    for cell in cells:
        open_row(choice, source, table.key_at(*cell))
    cohort_rows.downloads(source, chosen, choice.data)
    if visitors.may_operate():
        delete_rows(choice.data, source, chosen)
