"""From a row of an evaluation to its numbers in Explore."""

import streamlit as st

from pages.ui.cohort.rows import Source, rows_of
from pages.ui.shell import compute, navigate, uploaded
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import CohortChoice
from pages.ui.shell.user import home
from zsad_core.errors import ZsadError
from zsad_core.evaluation.row_views import scan_of, view_of
from zsad_core.inference import views
from zsad_core.report.single_rows import row_of, slice_of_most_lesion


def open_row(choice: CohortChoice, source: Source, key: str) -> None:
    """Explore with the map, threshold and mask of a row, at its slice with most lesion.

    A sentence instead where scan, prompts or weights are not here as they were evaluated.
    """
    with rows_of(*source) as rows:
        row, index = row_of(rows, key), slice_of_most_lesion(rows, key)
    engine, data = compute.engine(), dict.fromkeys([choice.data, *uploaded.roots().values()])
    try:
        with st.spinner("Reading the scan …"):
            view = view_of(engine, row, scan_of(engine, row, data), index, home())
    except ZsadError as error:
        st.warning(escape(str(error)))
        return
    navigate.to(views.counted_as(view, choice.readout))
