"""What the start page says of data and weights; `welcome` stands before."""

import streamlit as st

from pages.ui.explore.tour import begin
from pages.ui.shell import compute, last_view, navigate, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import SidebarValues
from pages.ui.shell.user import home
from pages.ui.start.cases import cases
from zsad_core import methods, setups
from zsad_core.types import Subject


def start(selected: SidebarValues) -> None:
    """What is loaded, and a way into one telling failure case."""
    usable = [subject for subject in selected.subjects if not subject.problem]
    data = selected.slices.data
    columns = st.columns(3)
    columns[0].metric("Subjects", f"{len(usable)} of {len(selected.subjects)}")
    columns[1].metric("Method", methods.name_of(selected.method), help=selected.setup)
    needed = methods.kind_of(selected.method).needs_tower
    backbone = setups.find(selected.method, selected.setup, home()).backbone.name
    columns[2].metric("Backbone", backbone if needed else "none needed")
    st.caption("Synthetic demo cohort, truth known." if selected.synthetic else escape(data.place))
    _last_view()
    _tour(selected, usable)  # cases come later, and would move it
    cases(selected, compute.get_ready(data.kind, data))


def _last_view() -> None:
    """The way back to what this session looked at last, or else this user."""
    if last := session.LAST_VIEW.get():
        label = escape(f"Continue with {last[0]}, as you left it")
        st.page_link(navigate.EXPLORE, label=label, icon=":material/history:")
    else:
        last_view.offer()


def _tour(selected: SidebarValues, usable: list[Subject]) -> None:
    """Tiny lesions: what a coarse patch grid cannot see."""
    tiny = [s for s in usable if any("tiny" in note for note in s.notes)]
    if not selected.synthetic or not tiny:
        return
    text, button = st.columns([3, 1], vertical_alignment="center")
    text.write(
        "**A tour of one failure**: a synthetic subject with tiny lesions only, which are smaller "
        "than the backbone's patches."
    )
    what = f"Opens {tiny[0].id} with a short tour."
    if button.button("Show me a failure", type="primary", help=what):
        begin(tiny[0].id)
