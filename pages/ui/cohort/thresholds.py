"""What the choice of a threshold costs: every rule that was evaluated, against the oracle."""

import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import UserChoice
from zsad_core.report import captions, threshold_costs
from zsad_core.report.selection import Selection


def thresholds(choice: UserChoice, source: cohort_rows.Source, chosen: Selection) -> None:
    """The loss of each rule as a figure, and the means behind it as a table."""
    st.subheader("What the threshold costs")
    with cohort_rows.rows_of(*source) as rows:
        frame = threshold_costs.costs(rows, chosen)
    if frame["rule"].nunique() < 2:
        st.info("One threshold rule was evaluated; choose others in Evaluate to compare them.")
    st.plotly_chart(threshold_costs.chart(frame), key="threshold-costs")
    means = threshold_costs.means(frame)
    formats = {
        name: st.column_config.NumberColumn(format="%.3f") for name in means.select_dtypes("float")
    }
    st.dataframe(means, hide_index=True, column_config=formats, key="threshold-means")
    st.caption(escape(f"{captions.THRESHOLD_COSTS} {captions.of_costs(frame, chosen)}"))
    cohort_rows.downloads(source, chosen, choice.data)
