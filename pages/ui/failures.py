"""The Failures page's sections; a case in the address is presented instead."""

import streamlit as st

from pages.ui.gallery import gallery
from pages.ui.picks import kept
from pages.ui.pin_list import nothing, pin_list
from pages.ui.present import asked, invitation, present
from pages.ui.sidebar import sidebar
from zsad_core import pins

SECTIONS = ("Gallery", "Pins", "Present")


def failures() -> None:
    """One section at a time."""
    pinned = pins.all_pins()
    number = asked(len(pinned))
    if number:
        present(pinned, number)
        return
    section = st.segmented_control(
        "Section",
        SECTIONS,
        default=None if "failures" in st.session_state else SECTIONS[0],
        required=True,
        label_visibility="collapsed",
        **kept("failures"),
    )
    if section == "Gallery":
        gallery(sidebar(edit_prompts=False))
    elif section == "Pins":
        pin_list(pinned)
    elif pinned:
        invitation(pinned)
    else:
        nothing()
