"""The gallery of failure cases: filters, and cards that open their view."""

from functools import partial

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.cohort import rows as cohort_rows
from pages.ui.cohort import run as cohort_run
from pages.ui.failures.gallery_pictures import WAITING, pictures, scans_unread
from pages.ui.failures.gallery_start import first_cases
from pages.ui.shell import compute, frame, navigate, session
from pages.ui.shell.exposed import include_exposed
from pages.ui.shell.keyboard import palette
from pages.ui.shell.markdown import escape
from pages.ui.shell.pictures import draw
from pages.ui.shell.sidebar import CohortChoice
from pages.ui.shell.user import home, user
from zsad_core.base.wording import counted
from zsad_core.errors import ZsadError
from zsad_core.evaluation.row_views import scan_of, view_of
from zsad_core.inference import pipeline, views
from zsad_core.inference.views import View
from zsad_core.report.captions import data_of
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.failures import (
    KINDS,
    Failure,
    failures,
    ranking,
)
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results
from zsad_core.workspace import pins
from zsad_core.workspace.pins import Pin

PAGE, COLUMNS = 12, 4
LEGEND = {
    "classic": ":green-badge[true positive] :red-badge[false positive] :blue-badge[false negative]",
    "safe": ":green-badge[true positive] :violet-badge[hatched: false positive] "
    ":blue-badge[outlined: false negative]",
}


def gallery(choice: CohortChoice) -> None:
    """Cases over the evaluated subjects of the sidebar's data, or the way to some."""
    navigate.follow()
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with right:
        root = cohort_rows.folder(choice.data)
    cohort_run.running()
    source = (str(root), results.stamp(root))
    groups = [
        group for group in cohort_rows.comparison_groups(*source) if group.may_hold(choice.data)
    ]
    if not groups:
        first_cases(choice, root)
        return
    widget = session.persisted("failure-comparison-group")
    group = left.selectbox("Data and threshold rule", groups, **widget)
    cases = cohort_rows.cases(*source, group, choice.readout.centre)
    selection = _selection(choice, source, group)
    worst = ranking(cases, selection)
    if kinds := _kinds():
        worst = worst[worst["kind"].isin(kinds)]
    if worst.empty:
        st.info("No case matches these filters.")
        return
    st.subheader("Failure cases")
    _caption(choice, group, worst)
    _cards(choice, failures(cases, _page(worst)))
    cohort_rows.seen(source, selection)


def _selection(
    choice: CohortChoice, source: cohort_rows.StampedFolder, group: ComparisonGroup
) -> Selection:
    offers = cohort_rows.values(*source, Selection(group))
    columns = st.columns(4)

    def several(column: int, label: str, name: str) -> tuple[str, ...]:
        widget = session.persisted(f"failure-{name}")
        return tuple(columns[column].multiselect(label, offers[name], **widget))

    return Selection(
        group,
        series=several(0, "Methods", "series"),
        setups=several(1, "Setups", "setups"),
        volumes=several(2, "Lesion volume", "volumes"),
        third=cohort_rows.pick_third(columns[3], session.persisted("failure-third")),
        subjects=tuple(subject.id for subject in choice.subjects),
        exposed=include_exposed(offers["exposed"]),
    )


def _kinds() -> list[str]:
    rules = "  \n".join(f"**{kind.capitalize()}**: {rule}" for kind, rule in KINDS.items())
    return st.pills(
        "Kinds (all if none is chosen)",
        list(KINDS),
        selection_mode="multi",
        format_func=str.capitalize,
        help=rules,
        **session.persisted("failure-kinds"),
    )


def _caption(choice: CohortChoice, group: ComparisonGroup, worst: pd.DataFrame) -> None:
    synthetic = ":orange-badge[synthetic] " if choice.synthetic else ""
    data, rule = data_of(group), f"{group.threshold} ({group.rule.basis})"
    of_kind = worst["kind"].value_counts()
    numbers = ", ".join(f"{kind} {of_kind[kind]}" for kind in KINDS if kind in of_kind)
    facts = escape(f"{data[:1].upper()}{data[1:]}, {group.modality}; threshold: {rule}")
    st.caption(
        f"{synthetic}{LEGEND[palette()]} {counted(len(worst), 'case')} ({numbers}), the worst of "
        f"each kind first: one slice for each kind, subject and configuration. {facts}. Dice is "
        "the 2D Dice of the slice; a white ring marks lesion that no prediction touches."
    )


def _page(worst: pd.DataFrame) -> pd.DataFrame:
    """The cases of the page that is open; its buttons stand above the cards."""
    pages = -(-len(worst) // PAGE)
    if session.GALLERY_PAGE.get() > pages:
        session.GALLERY_PAGE.set(1)
    page = st.pagination(pages, **session.persisted(session.GALLERY_PAGE.key)) if pages > 1 else 1
    return worst.iloc[(page - 1) * PAGE : page * PAGE]


def _cards(choice: CohortChoice, cases: list[Failure]) -> None:
    places: list[tuple[View, DeltaGenerator]] = []  # two kinds may show one view
    engine, unread = compute.engine(), scans_unread(choice.data, cases)
    pinned = [pin.view for pin in pins.all_pins(home()) if pin.owned_by(user())]
    for start in range(0, len(cases), COLUMNS):
        columns = st.columns(COLUMNS)
        for column, case in zip(columns, cases[start : start + COLUMNS], strict=False):
            with column.container(border=True, height="stretch"):
                place = st.empty()
                _words(case)
                if case.subject in unread:
                    with place:
                        draw(WAITING)
                    continue
                try:
                    slices = scan_of(engine, case.row, [choice.data])
                    view = view_of(engine, case.row, slices, case.index, home())
                except ZsadError as error:
                    place.warning(escape(str(error)))
                    continue
                places.append((view, place))
                _buttons(case, views.counted_as(view, choice.readout), pinned)
    pictures(places)


def _words(case: Failure) -> None:
    dice = "no lesion" if case.dice is None else f"Dice {case.dice:.2f}"
    place = f"{case.subject} · slice {case.index + 1} · {dice}"
    exposed = " :gray-badge[exposed subject]" if case.row["exposed"] else ""
    st.markdown(f"**{case.kind.capitalize()}**{exposed}")
    st.caption("  \n".join(map(escape, (place, f"{case.series} · {case.setup}", case.why))))


def _buttons(case: Failure, view: View, pinned: list[tuple[object, ...]]) -> None:
    name = f"{case.kind}-{case.row['key']}-{case.index}"
    title = f"{case.kind.capitalize()}: {case.subject}"
    precision = pipeline.chosen_precision(compute.engine(), view.map)
    numbers = (case.dice, case.dice_3d)
    pin = pins.pin_of(view, title, case.why, case.kind, numbers, user(), precision)
    label, what, private = "Pin", "Keep this case for presenting.", pin.data.private
    if pin.view in pinned:
        label, what = "Pinned", "It is listed under Pins."
    elif private:
        what = f"Not available: {pins.PRIVATE}"
    done = private or label == "Pinned"
    with st.container(horizontal=True):
        st.button("Open", key=f"open-{name}", type="primary", on_click=_open, args=(view,))
        st.button(label, f"pin-{name}", what, partial(_pin, pin), disabled=done)


def _open(view: View) -> None:
    navigate.next_run(view)
    session.GALLERY_REDRAW.set(True)


def _pin(pin: Pin) -> None:
    with frame.of_click():
        pins.add(pin, home())
        st.toast(f"Pinned: {escape(pin.title)}")
