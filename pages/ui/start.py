"""What the start page says of data and weights; `welcome` stands before."""

import streamlit as st

from pages.ui import compute
from pages.ui.sidebar import Choice
from pages.ui.tour import begin
from zsad_core.types import Subject


def start(choice: Choice) -> None:
    """What is loaded, and a way into one telling failure case."""
    usable = [subject for subject in choice.subjects if not subject.problem]
    origin = "synthetic demo cohort, truth known" if choice.synthetic else choice.data.place
    columns = st.columns(3)
    columns[0].metric("Subjects", f"{len(usable)} of {len(choice.subjects)}", help=origin)
    columns[1].metric("Method", choice.map.method, help=choice.map.setup)
    backbone = choice.map.features.backbone.name if choice.map.features.recipe else "none needed"
    columns[2].metric("Backbone", backbone)
    precision = choice.map.features.precision
    st.caption(f"{origin} · {precision} on {compute.engine().device}")
    _failure_case(choice, usable)
    compute.get_ready(choice.data.kind, choice.data)


def _failure_case(choice: Choice, usable: list[Subject]) -> None:
    """Tiny lesions: what a coarse patch grid cannot see."""
    tiny = [s for s in usable if any("tiny" in note for note in s.notes)]
    if not choice.synthetic or not tiny:
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
