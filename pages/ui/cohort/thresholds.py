"""What the choice of a threshold costs: every rule that was evaluated, against the oracle."""

import pandas as pd
import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import CohortChoice
from zsad_core.report import calibration, captions, tables, threshold_costs
from zsad_core.report.selection import Selection, selected_rows
from zsad_core.report.table_text import Table
from zsad_core.results.parquet import Stamp


def thresholds(choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection) -> None:
    """The loss of each rule as a figure, and the means behind it; calibration where it applies."""
    compared = _costs(*source, chosen)
    series = cohort_rows.series(*source, chosen)
    if not compared:
        st.info(
            "No subject with a lesion has scores at each threshold rule; evaluate the rules on the "
            "same subjects. A mask has one threshold."
        )
    for table in compared:
        st.subheader(table.title)
        if table.frame["threshold"].nunique() < 2:
            st.info("One threshold rule was evaluated; choose others in Evaluate to compare them.")
        st.plotly_chart(threshold_costs.chart(table.frame, series), key="threshold-costs")
        cohort_rows.show_numbers(table.frame, "threshold-means")
        words = f"Bars of the figure: the same interval of the mean loss. {table.conventions}"
        st.caption(escape(f"{table.note_on_page} {words}"))
    curves = _reliability(*source, chosen)
    if not curves.empty:
        st.subheader("Calibration")
        st.plotly_chart(calibration.chart(curves, series), key="calibration")
        st.caption(escape(captions.calibration(chosen.region)))
    cohort_rows.downloads(source, chosen, choice.data)


@st.cache_data(max_entries=8, show_spinner="Comparing threshold rules …")
def _costs(root: str, stamp: Stamp, chosen: Selection) -> list[Table]:
    with cohort_rows.rows_of(root, stamp) as rows:
        return tables.thresholds(rows, chosen)


@st.cache_data(max_entries=8, show_spinner="Reading the maps' values …")
def _reliability(root: str, stamp: Stamp, chosen: Selection) -> pd.DataFrame:
    with cohort_rows.rows_of(root, stamp) as rows:
        return calibration.reliability(rows, selected_rows(rows, chosen))
