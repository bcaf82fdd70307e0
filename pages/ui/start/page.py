"""What the start page says of data and weights; `welcome` stands before."""

import streamlit as st

from pages.ui.explore.tour import begin
from pages.ui.shell import compute
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import SidebarValues
from zsad_core import methods, setups
from zsad_core.types import Subject


def start(selected: SidebarValues) -> None:
    """What is loaded, and a way into one telling failure case."""
    usable = [subject for subject in selected.subjects if not subject.problem]
    data = selected.slices.data
    columns = st.columns(3)
    columns[0].metric("Subjects", f"{len(usable)} of {len(selected.subjects)}")
    columns[1].metric("Method", selected.method, help=selected.setup)
    needed = methods.kind_of(selected.method).needs_tower
    backbone = setups.find(selected.method, selected.setup).backbone.name
    columns[2].metric("Backbone", backbone if needed else "none needed")
    st.caption("Synthetic demo cohort, truth known." if selected.synthetic else escape(data.place))
    _failure_case(selected, usable)
    compute.get_ready(data.kind, data)


def _failure_case(selected: SidebarValues, usable: list[Subject]) -> None:
    """Tiny lesions: what a coarse patch grid cannot see."""
    tiny = [s for s in usable if any("tiny" in note for note in s.notes)]
    if not selected.synthetic or not tiny:
        return
    st.subheader("A telling failure case")
    st.write(
        "This synthetic subject has only tiny lesions. The map may rank their voxels well and "
        "still reach hardly any Dice: they are smaller than the backbone's patches."
    )
    if st.button(
        "Show me a failure", type="primary", help=f"Opens {tiny[0].id} with a short tour."
    ):
        begin(tiny[0].id)
