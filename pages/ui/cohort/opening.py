"""From a row of an evaluation to its numbers in Explore."""

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.cohort.rows import StampedFolder, rows_of
from pages.ui.shell import compute, navigate, uploaded
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import CohortChoice
from pages.ui.shell.user import home
from zsad_core.errors import ZsadError
from zsad_core.evaluation.row_views import scan_of, view_of
from zsad_core.inference import views
from zsad_core.report.single_rows import row_of, slice_of_most_lesion

THIRD_NOTE = " Dice is that of the chosen third; other measures are of the whole volume."


def clicked_cells(table: pd.DataFrame, formats: dict[str, Any], key: str) -> list[tuple[int, str]]:
    """Draw a table with these formats of columns; row and column of the cell just clicked."""
    event: Any = st.dataframe(
        table,
        hide_index=True,
        column_config=formats,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
    )
    return event["selection"]["cells"]


def open_row(choice: CohortChoice, source: StampedFolder, key: str) -> None:
    """Explore with the map, threshold and mask of a row, at its slice with most lesion.

    A sentence instead where Explore cannot show it: scan, prompts or weights are not here as they
    were evaluated, or its plane is another.
    """
    with rows_of(*source) as rows:
        row, index = row_of(rows, key), slice_of_most_lesion(rows, key)
    engine, data = compute.engine(), dict.fromkeys([choice.data, *uploaded.roots().values()])
    try:
        with st.spinner("Reading the scan …"):
            view = view_of(engine, row, scan_of(engine, row, data), index, home())
        navigate.to(views.counted_as(view, choice.readout))
    except ZsadError as error:
        st.warning(escape(str(error)))
