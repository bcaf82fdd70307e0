"""The Cohort page's parts: Figures 1 to 3 and tables of rows, by any convention."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.ui import cohort_rows, compute
from pages.ui.cohort_run import evaluation
from pages.ui.compute import plain
from pages.ui.sidebar import Choice
from zsad_core.cohort import captions, charts
from zsad_core.cohort.selection import THIRDS, VOLUMES, Selection, Sheet
from zsad_core.places import home

SECTIONS = ("Figures", "Tables", "Evaluate")
PANELS = 6  # of Figure 2, shown at first


def cohort(choice: Choice) -> None:
    """Figures and tables of the rows in a folder, or the form of an evaluation that adds to it."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    root = Path(choice.data.root) / "results"  # rows of uploads are seen by nobody else
    if not choice.data.private:
        usual = str(home() / "results")
        named = right.text_input("Results folder", usual, key="results", persist_state="session")
        root = Path(named).expanduser()
    stamp = cohort_rows.stamp(root)
    sheets = cohort_rows.sheets(str(root), stamp)
    first = SECTIONS[0] if sheets else SECTIONS[-1]
    section = left.segmented_control(
        "Section", SECTIONS, default=first, key="cohort-section", required=True
    )
    if section == SECTIONS[-1]:
        evaluation(choice, root)
    elif not sheets:
        st.info(f"No rows in {plain(str(root))} yet: choose Evaluate.")
    else:
        source = (str(root), stamp)
        chosen = _selection(choice, source, sheets)
        _figures(choice, source, chosen) if section == SECTIONS[0] else _tables(source, chosen)


def _selection(choice: Choice, source: cohort_rows.Source, sheets: list[Sheet]) -> Selection:
    """Sheet and filters; the empty rule and the centre are those of the sidebar's readout."""
    rule = {"empty": choice.readout.empty_slices, "centre": choice.readout.centre}
    row = st.columns([3, 2])
    sheet = row[0].selectbox("Data and threshold rule", sheets, format_func=str, key="sheet")
    which = row[1].selectbox(
        "Slices in a mean",
        list(captions.WHICH),
        format_func=captions.WHICH.get,
        key="which",
        help="What an empty slice counts, and where depth 0 is: Readout in the sidebar.",
    )
    chosen = Selection(sheet, which=which, **rule)
    there = cohort_rows.values(*source, Selection(sheet))
    columns = st.columns(4)
    thirds = ["", *THIRDS]
    return replace(
        chosen,
        lines=tuple(columns[0].multiselect("Methods", there["line"], key="lines-shown")),
        setups=tuple(columns[1].multiselect("Setups", there["setup"], key="setups-shown")),
        volumes=tuple(
            columns[2].multiselect(
                "Lesion volume", [one for one in VOLUMES if one in there["volume"]], key="volumes"
            )
        ),
        third=columns[3].selectbox(
            "Third of the depth", thirds, format_func=lambda one: one or "all", key="third"
        ),
    )


def _figures(choice: Choice, source: cohort_rows.Source, chosen: Selection) -> None:
    found = cohort_rows.measured(*source, chosen)
    said = plain(captions.of(found, chosen))
    if found["dice_3d"].notna().any():
        st.subheader("Figure 1: 3D Dice by method and setup")
        _open(choice, _chart(charts.by_method(found), "figure1"))
        st.caption(f"{captions.FIGURE_1} A click on a point opens the subject. {said}")
    if found["median"].notna().any():
        _second(choice, found, said)
    lines = cohort_rows.curves(*source, chosen)
    if lines:
        st.subheader("Figure 3: Dice against depth")
        there = {setup for setup, _ in lines}
        setups = [one for one in found["setup"].cat.categories if one in there]
        _chart(charts.by_depth(lines, setups), "figure3")
        st.caption(f"{captions.FIGURE_3} {said}")
    cohort_rows.downloads(source, chosen)


def _second(choice: Choice, found: pd.DataFrame, said: str) -> None:
    st.subheader("Figure 2: 2D Dice of each subject, 3D Dice as red crosses")
    pairs = found[["line", "setup"]].drop_duplicates().itertuples(index=False)
    runs = {f"{line} · {setup}": (line, setup) for line, setup in pairs}
    shown = list(runs)
    if len(runs) > 1:
        shown = st.multiselect("Runs shown", shown, shown[:PANELS], key="runs-shown")
    if not shown:
        st.info("Choose at least one run to draw.")
        return
    wanted = {runs[name] for name in shown}
    mask = [
        (line, setup) in wanted for line, setup in zip(found["line"], found["setup"], strict=True)
    ]
    _open(choice, _chart(charts.by_subject(found[mask]), "figure2"))
    st.caption(f"{captions.FIGURE_2} A click on a cross opens the subject. {said}")


def _tables(source: cohort_rows.Source, chosen: Selection) -> None:
    for table in cohort_rows.tables(*source, chosen):
        shown = {
            name: st.column_config.NumberColumn(format="%.3f")
            for name in table.frame.select_dtypes("float")
        }
        st.dataframe(table.frame, hide_index=True, column_config=shown, key=f"table-{table.name}")
        st.caption(plain(table.caption))
    cohort_rows.downloads(source, chosen)


def _chart(figure: go.Figure, key: str) -> dict[str, Any] | None:
    """Draw the figure; the point just clicked, if any."""
    event: Any = st.plotly_chart(figure, key=key, on_select="rerun", selection_mode="points")
    return next(iter(event["selection"]["points"]), None)


def _open(choice: Choice, point: dict[str, Any] | None) -> None:
    """Explore at the subject that was clicked, with the method and setup of its panel."""
    if not point or len(point.get("customdata") or ()) < 3:
        return
    subject, line, setup = point["customdata"][:3]
    if subject not in {one.id for one in choice.subjects}:
        st.info(f"{plain(subject)} is not in the sidebar's data; choose its data there to open it.")
        return
    state = st.session_state
    state["_subject"], state["_method"], state["_setup"] = subject, line.split(" (")[0], setup
    compute.go("pages/1_Explore.py")
