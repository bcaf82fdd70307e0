"""A tour of one failure case: what the colours mean, the threshold, the words, and why it fails."""

from functools import partial

import streamlit as st

from pages.ui.shell import navigate, session
from pages.ui.shell.keyboard import class_colours
from pages.ui.shell.navigate import Target

STEPS = {
    "1 Colours": (
        "**{0}** is lesion that was found, **{1}** healthy tissue called abnormal, **{2}** lesion "
        "that was missed. Click the picture, so that it takes the keys; then wheel or arrow keys "
        "go through the slices, `w` goes to the worst one, `o` shows the scan alone while it is "
        "held, `2` the outline of the truth and `5` the anomaly map."
    ),
    "2 Threshold": (
        "Drag **Threshold** on the right: mask, areas and Dice follow at once. Lower finds more "
        "lesion and calls more healthy tissue abnormal. **Best Dice (oracle)** is the highest Dice "
        "that any threshold reaches here; it uses the ground truth, so it is an upper bound."
    ),
    "3 Words": (
        "Open **Edit prompts** in the sidebar, change a text, and press Ctrl+Enter: the map is "
        "recomputed from the new words. The Prompts page keeps every trial, and its null test "
        "checks whether the words do better than random ones."
    ),
    "4 Why": (
        "Click the picture, then press `6`: each square is one patch, the smallest thing this "
        "backbone sees. These lesions are smaller, so no threshold outlines them. **AUROC** and "
        "**AP** above the picture say how well the map ranks their voxels: 0.5 is chance for "
        "AUROC. "
    ),
}
NO_PATCHES = (
    "This method reads single pixels, no patches: what is as bright as a lesion counts as one. "
    "Choose another method above the picture; then click the picture and press `6` to see its "
    "patches. "
)
BEYOND = "See the same over depth on **Depth**, over all subjects on **Cohort**."


def begin(subject: str) -> None:
    """Open a subject in Explore, at its largest lesion, with the first step of the tour."""
    session.SLICE.pop()
    session.TOUR.set(next(iter(STEPS)))
    navigate.to(Target(subject, rule="oracle"))


def tour(has_patches: bool) -> None:
    """The step that is shown, if the tour was begun and not yet ended; a reload keeps it."""
    if session.TOUR.get() not in STEPS:
        return
    with st.container(border=True):
        steps, end = st.columns([6, 1], vertical_alignment="center")
        with steps:
            chosen = st.segmented_control(
                "Tour",
                list(STEPS),
                required=True,
                label_visibility="collapsed",
                **session.several(session.TOUR),
            )
        leave = partial(session.TOUR.set, None)
        end.button("End tour", on_click=leave, width="stretch", icon=":material/close:")
        text = STEPS[chosen].format(*class_colours())
        if chosen == "4 Why":
            text = (text if has_patches else NO_PATCHES) + BEYOND
        st.markdown(text)
