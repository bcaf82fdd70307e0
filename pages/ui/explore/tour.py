"""A tour of one failure case: what the colours mean, the threshold, the words, and why it fails."""

import streamlit as st

from pages.ui.shell import compute
from pages.ui.shell.keyboard import class_colours

STEPS = {
    "1 Colours": (
        "In **{0}** is lesion that was found, in **{1}** healthy tissue called abnormal, in "
        "**{2}** lesion that was missed. Wheel or arrow keys go through the slices, `w` to the "
        "worst one; hold `o` to see the scan alone, press `3` for the truth and `5` for the "
        "anomaly map."
    ),
    "2 Threshold": (
        "Drag **Threshold** on the right: mask, areas and Dice follow at once. Lower finds more "
        "lesion and calls more healthy tissue abnormal. **Best Dice (oracle)** is the most that "
        "any threshold reaches here, and it saw the truth to get there."
    ),
    "3 Words": (
        "Open **Edit prompts** in the sidebar, change a text, and press Ctrl+Enter: the map is "
        "made anew from the new words. The Prompts page keeps every trial, and its null test asks "
        "whether the words do anything that random words do not."
    ),
    "4 Why": (
        "Press `6`: each square is one patch, the smallest thing this backbone sees. These lesions "
        "are smaller, so even a map that ranks their voxels well cannot outline them. See the "
        "same over brain depth on **Depth**, over all subjects on **Cohort**."
    ),
}


def begin(subject: str) -> None:
    """Open a subject in Explore, at its largest lesion, with the first step of the tour."""
    state = st.session_state
    state.pop("slice", None)
    state.update(_subject=subject, _rule="oracle", _go=True, tour=next(iter(STEPS)))
    compute.go("pages/1_Explore.py")


def tour() -> None:
    """The step that is shown, if the tour was begun and not yet ended; a reload keeps it."""
    state = st.session_state
    if "tour" not in state and st.query_params.get("tour") in STEPS:
        state["tour"] = st.query_params["tour"]
    if state.get("tour") not in STEPS:
        return
    with st.container(border=True):
        steps, end = st.columns([6, 1], vertical_alignment="center")
        with steps:
            chosen = st.segmented_control(
                "Tour",
                list(STEPS),
                key="tour",
                required=True,
                label_visibility="collapsed",
                persist_state="session",
            )
        end.button("End tour", on_click=_end, width="stretch", icon=":material/close:")
        st.markdown(STEPS[chosen].format(*class_colours()))
    st.query_params["tour"] = chosen  # bound to the address, the first step would not stand in it


def _end() -> None:
    st.session_state.pop("tour", None)
    st.query_params.pop("tour", None)
