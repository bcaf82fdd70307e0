"""One configuration against others: differences, tests, and the subjects behind them."""

import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.cohort.opening import THIRD_NOTE, clicked_cells, open_row
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import CohortChoice
from zsad_core.base.wording import listed
from zsad_core.report import captions, charts
from zsad_core.report.backbone_names import by_configuration
from zsad_core.report.comparisons import (
    Pairing,
    compared,
    configuration_label,
    names_of_configurations,
    pairing,
    rank_shares,
)
from zsad_core.report.overview import MEASURES, with_measures
from zsad_core.report.selection import Selection
from zsad_core.report.table_text import low_and_high

UNBOUNDED = ("HD95 (mm)",)  # infinite where a mask is empty, so a difference may not exist
NAMED = 10  # subjects left out that are named


def compare(choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection) -> None:
    """Choose a configuration and others; a click on a subject opens it in Explore."""
    frame = cohort_rows.dice(*source, chosen)
    names = {configuration_label(name): name for name in names_of_configurations(frame)}
    if len(names) < 2:
        st.info("A comparison needs two configurations; evaluate another, or widen a filter.")
        return
    columns = st.columns([1, 2, 3])
    measures = [name for name in MEASURES if name not in UNBOUNDED]
    measure = columns[0].selectbox("Measure", measures, key="compare-measure")
    first = columns[1].selectbox("Configuration", list(names), key="compare-first")
    others = [name for name in names if name != first]
    against = columns[2].multiselect("Against", others, key="compare-against", placeholder="All")
    with cohort_rows.rows_of(*source) as rows:
        frame = with_measures(rows, frame)
    pairs = [(names[first], names[other]) for other in against or others]
    table = compared(frame, MEASURES[measure], pairs)
    if table.empty:
        st.info(f"No subject has a value of {measure} in {escape(first)} and in another one.")
        return
    table = table.assign(against=table["second"].map(configuration_label))
    shown = table[["against", *table.columns.drop(["first", "second", "against"])]]
    caption = f"{captions.PAIRED} {low_and_high('mean difference')}"
    caption += THIRD_NOTE if chosen.third else ""
    if backbones := by_configuration(frame):
        shown.insert(1, "backbone", table["second"].map(backbones))
        caption += f" Backbone of {first}: {backbones[names[first]]}."
    st.subheader(f"{measure}: {escape(first)} against others")
    cohort_rows.show_numbers(shown, "compare-table")
    st.caption(escape(caption))
    other = st.selectbox("Subjects against", shown["against"].tolist(), key="compare-subjects")
    subjects = pairing(frame, MEASURES[measure], names[first], names[other])
    _subjects(choice, source, subjects, (first, other))
    st.subheader("Ranks by mean 3D Dice")
    if ranks := rank_shares(frame):
        st.plotly_chart(charts.by_rank(ranks), key="ranks")
    st.caption(escape(captions.rank_caption(ranks)))


def _subjects(
    choice: CohortChoice,
    source: cohort_rows.StampedFolder,
    paired: Pairing,
    labels: tuple[str, str],
) -> None:
    """Wins, ties and losses subject by subject; a click opens the row of the column clicked."""
    subjects, (first, second) = paired.subjects, labels
    outcomes = ["outcome", "subject", "first", "second", "difference"]
    several = subjects["site"].nunique() > 1
    formats = {
        "first": st.column_config.NumberColumn(first, format="%.3f"),
        "second": st.column_config.NumberColumn(second, format="%.3f"),
        "difference": st.column_config.NumberColumn(format="%+.3f"),
    }
    table = subjects[[*outcomes, *(["site"] if several else [])]]
    cells = clicked_cells(table, formats, "compare-list")
    left_out = [
        f"{subject} (none in {configuration_label(name)})"
        for subject, name in paired.missing.items()
    ]
    sentence = f" Left out of both: {listed(left_out, NAMED)}." if left_out else ""
    st.caption(escape(f"Click a number to open it in Explore.{sentence}"))
    for row, column in cells:
        key = "second_key" if column == "second" else "first_key"
        open_row(choice, source, subjects[key].iloc[row])
