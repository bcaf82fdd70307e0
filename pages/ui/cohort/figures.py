"""The Cohort page's parts: Figures 1 to 5 and tables of rows, by any convention."""

from dataclasses import replace
from functools import partial
from typing import Any, get_args

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.cohort.opening import open_row
from pages.ui.cohort.pictures import pictures
from pages.ui.shell import session
from pages.ui.shell.exposed import include_exposed
from pages.ui.shell.markdown import escape
from pages.ui.shell.plots import clicked_point
from pages.ui.shell.sidebar import CohortChoice
from zsad_core.report import captions, charts, depth_charts
from zsad_core.report.comparison_groups import ComparisonGroup, neighbours
from zsad_core.report.selection import ConfigurationName, Selection
from zsad_core.results.conventions import Which
from zsad_core.results.parquet import Stamp
from zsad_core.types import DataSpec

OPTIONAL = {"sites": "Site folder", "backbones": "Backbone"}
"""Filters that are offered where there are several values."""
PANELS, BOXES = 6, 1000  # of Figure 2, shown at first at most


def choose_rows(
    choice: CohortChoice, source: cohort_rows.StampedFolder, groups: list[ComparisonGroup]
) -> Selection:
    """Comparison group and filters; the sidebar's readout gives the empty rule and the centre."""
    row = st.columns([5, 3, 2])
    group = row[0].selectbox("Data and threshold rule", groups, key="comparison-group")
    others: list[ComparisonGroup] = []
    if offered := neighbours(group, groups):
        others = row[1].multiselect(
            "Also show, as further series",
            offered,
            format_func=partial(_difference, group),
            key=f"other-groups-{groups.index(group)}",  # what they are called follows the group
            placeholder="Another modality, plane or threshold rule",
        )
    region = choice.data.region if group.may_hold(choice.data) else DataSpec.region
    empty, centre = choice.readout.empty_slices, choice.readout.centre
    if empty != "lesion_only":  # which leaves nothing to choose
        row[2].selectbox(
            "Slices counted",
            **session.select(
                get_args(Which),
                session.SLICES_IN_MEAN,
                format_func=partial(captions.slices_of, region=region),
            ),
            help="What an empty one counts is said under Mask and averaging in the sidebar.",
        )
    which = cohort_rows.slices_in_mean(empty)
    chosen = Selection(group, empty=empty, centre=centre, which=which, region=region)
    chosen = replace(chosen, others=tuple(others))
    offers = cohort_rows.values(*source, chosen)
    optional = [name for name in OPTIONAL if len(offers[name]) > 1]
    columns = st.columns(5 + len(optional))

    def several(column: int, label: str, name: str) -> tuple[str, ...]:
        return tuple(columns[column].multiselect(label, offers[name], key=f"{name}-shown"))

    def optionally(name: str) -> tuple[str, ...]:
        return several(5 + optional.index(name), OPTIONAL[name], name) if name in optional else ()

    return replace(
        chosen,
        series=several(0, "Methods", "series"),
        setups=several(1, "Setups", "setups"),
        volumes=several(2, "Lesion volume", "volumes"),
        numbers=several(3, "Number of lesions", "numbers"),
        third=cohort_rows.pick_third(columns[4], {"key": "third"}),
        sites=optionally("sites"),
        backbones=optionally("backbones"),
        exposed=include_exposed(offers["exposed"]),
    )


def _difference(group: ComparisonGroup, other: ComparisonGroup) -> str:
    """What another group has instead, such as "modality: t1c"."""
    return ", ".join(f"{name}: {getattr(other, name)}" for name in group.differing(other))


def figures(choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection) -> None:
    """Figures 1 to 5 of the chosen rows, and their files."""
    frame = cohort_rows.dice(*source, chosen)
    if frame["dice_3d"].notna().any():
        st.subheader("Figure 1: 3D Dice by method and setup")
        _open_point(choice, source, clicked_point(_by_method(*source, chosen), "figure1"))
        far = captions.FAR_ONES if charts.crowded(frame) else ""
        st.caption(f"{captions.FIGURE_1}{far} Click a point to open its subject in Explore.")
    if frame["dice_2d"].notna().any():
        _second(choice, source, chosen, frame)
        st.caption(f"{captions.FIGURE_2} Click a cross to open its subject in Explore.")
    if cohort_rows.curves(*source, chosen):
        st.subheader("Figure 3: Dice against depth")
        st.plotly_chart(_by_depth(*source, chosen), key="figure3")
        st.caption(escape(captions.figure_3(chosen.region)))
    pictures(choice, source, chosen)
    cohort_rows.downloads(source, chosen, choice.data)


def _second(
    choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection, frame: pd.DataFrame
) -> None:
    st.subheader("Figure 2: 2D Dice of each subject, 3D Dice as red crosses")
    subjects = frame.dropna(subset="dice_2d").groupby(["setup", "series"], observed=True).size()
    names = {f"{series} · {setup}": (setup, series) for setup, series in subjects.index}
    shown, few = list(names), min(PANELS, max(1, BOXES // int(subjects.max())))
    chosen_before = session.FIGURE_2_CONFIGURATIONS.get()
    if chosen_before and not names.keys() & set(chosen_before):
        session.FIGURE_2_CONFIGURATIONS.pop()  # a filter took them all away
    if len(names) > 1:
        shown = st.multiselect(
            "Configurations shown", shown, shown[:few], key=session.FIGURE_2_CONFIGURATIONS.key
        )
    if not shown:
        st.info("Choose at least one configuration.")
        return
    figure = _by_subject(*source, chosen, tuple(names[name] for name in shown))
    _open_point(choice, source, clicked_point(figure, "figure2"))


# Figures are kept as they are drawn again by each run, and change with rows and choice alone.


@st.cache_resource(max_entries=16, show_spinner=False)
def _by_method(root: str, stamp: Stamp, chosen: Selection) -> go.Figure:
    frame = cohort_rows.dice(root, stamp, chosen)
    return charts.by_method(frame, cohort_rows.means(root, stamp, chosen))


@st.cache_resource(max_entries=16, show_spinner=False)
def _by_subject(
    root: str, stamp: Stamp, chosen: Selection, drawn: tuple[ConfigurationName, ...]
) -> go.Figure:
    boxes = cohort_rows.quartiles(root, stamp, chosen, drawn)
    frame = cohort_rows.dice(root, stamp, chosen).merge(boxes, on="key")
    return charts.by_subject(frame, cohort_rows.series(root, stamp, chosen))


@st.cache_resource(max_entries=16, show_spinner=False)
def _by_depth(root: str, stamp: Stamp, chosen: Selection) -> go.Figure:
    depth_curves = cohort_rows.curves(root, stamp, chosen)
    drawn = {setup for setup, _ in depth_curves}
    setups = cohort_rows.dice(root, stamp, chosen)["setup"].cat.categories
    series = cohort_rows.series(root, stamp, chosen)
    return depth_charts.by_depth(depth_curves, [name for name in setups if name in drawn], series)


def tables(choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection) -> None:
    """The tables of the chosen rows, and their files."""
    for table in cohort_rows.tables(*source, chosen):
        if table.frame.empty:  # as setups against each other, where no method has two
            continue
        st.subheader(table.title)
        cohort_rows.show_numbers(table.frame, f"table-{table.name}")
        st.caption(escape(table.note_on_page))
    cohort_rows.downloads(source, chosen, choice.data)


def _open_point(
    choice: CohortChoice, source: cohort_rows.StampedFolder, point: dict[str, Any] | None
) -> None:
    """Explore at the row of the point that was clicked; a box has none."""
    if point and point.get("customdata"):
        open_row(choice, source, point["customdata"][1])
