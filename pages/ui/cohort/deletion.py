"""Deleting the rows of a configuration, under the table of its subjects."""

from pathlib import Path

import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.shell import session
from pages.ui.shell.deletion import delete_button
from pages.ui.shell.markdown import escape
from zsad_core.base.wording import counted
from zsad_core.report.selection import Selection
from zsad_core.report.single_rows import same_configuration
from zsad_core.results import merging
from zsad_core.types import DataSpec

NOTICE = "rows deleted"


def notice() -> None:
    """What was deleted in the last run, if anything."""
    if text := session.notice(NOTICE):
        st.success(escape(text))


def delete_rows(data: DataSpec, source: cohort_rows.StampedFolder, chosen: Selection) -> None:
    """A configuration to choose, and the button that deletes its rows in the comparison group."""
    frame = cohort_rows.reading(*source, chosen).frame
    of_group = frame[frame["first_group"]].drop_duplicates(["setup", "series"])
    names = (of_group["series"] + " · " + of_group["setup"].astype(str)).tolist()
    key_of = dict(zip(names, of_group["key"], strict=True))
    with st.expander("Delete rows", key="box-delete"):
        left, right = st.columns([3, 1], vertical_alignment="bottom")
        name = left.selectbox("Rows of", names, key="configuration-to-delete")
        with cohort_rows.rows_of(*source) as rows:
            subjects = same_configuration(rows, key_of[name])
        what = f"{counted(len(subjects), 'row')} of {counted(len({*subjects.values()}), 'subject')}"
        place = "your uploads" if data.private else source[0]
        question = (
            f"Delete **{what}** from {escape(place)}?\n\n{escape(f'{name}; {chosen.group}')}. "
            "Exposed subjects and those that a filter hides are among them. An evaluation makes "
            "them again."
        )

        def delete() -> None:
            merging.delete(Path(source[0]), subjects.keys())
            session.notify(NOTICE, f"Deleted {what}: {name}.")

        with right:
            delete_button(question, delete, "rows", f"{what} of {name}, {place}")
        st.caption(
            "All rows of the configuration with this data and threshold rule, and no others."
        )
