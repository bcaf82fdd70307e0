"""The start page's parts."""

import streamlit as st

from pages.ui import compute
from pages.ui.sidebar import Choice
from pages.ui.tour import begin
from zsad_core.types import Subject

WHAT = (
    "See what CLIP calls abnormal in a 3D brain MRI, slice by slice, with truth and prediction "
    "laid over it.  \nEdit the prompts and watch the map change; read Dice against brain depth.  \n"
    "Find the cases where zero-shot anomaly detection fails, and show them."
)


def start(choice: Choice) -> None:
    """Three lines, what is loaded, a way into each page and into one telling failure case."""
    st.markdown(WHAT)
    usable = [subject for subject in choice.subjects if not subject.problem]
    origin = "synthetic demo cohort, truth known" if choice.synthetic else choice.data.place
    columns = st.columns(3)
    columns[0].metric("Subjects", f"{len(usable)} of {len(choice.subjects)}", help=origin)
    columns[1].metric("Method", choice.map.method, help=choice.map.setup)
    backbone = choice.map.features.backbone.name if choice.map.features.recipe else "none needed"
    columns[2].metric("Backbone", backbone)
    precision = choice.map.features.precision
    st.caption(f"{origin} · {precision} on {compute.engine().device}")
    ways = (
        ("pages/1_Explore.py", "Explore", "scrub slices with the prediction laid over them"),
        ("pages/2_Prompts.py", "Prompts", "edit texts and see the map change"),
        ("pages/3_Depth.py", "Depth", "read Dice against brain depth"),
        ("pages/4_Cohort.py", "Cohort", "many subjects and runs, figures and tables"),
        ("pages/5_Failures.py", "Failures", "the worst cases by kind, pinned and presented"),
        ("pages/6_Setup.py", "Setup", "your data, weights, device and store"),
    )
    for column, (path, title, what) in zip(st.columns(len(ways)), ways, strict=True):
        with column.container(border=True):
            st.page_link(path, label=f"**{title}**")
            st.caption(what)
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
