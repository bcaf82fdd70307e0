"""The Failures page's sections; a case in the address is presented instead."""

import streamlit as st

from pages.ui.failures.gallery import gallery
from pages.ui.failures.pin_list import nothing, pin_list
from pages.ui.failures.present import addressed_case, invitation, present
from pages.ui.shell.compute import wait_for_torch
from pages.ui.shell.session import persisted
from pages.ui.shell.sidebar import sidebar
from zsad_core.workspace import pins

SECTIONS = ("Gallery", "Pins", "Present")


def failures() -> None:
    """One section at a time."""
    kept = pins.all_pins()
    number = addressed_case(len(kept))
    if number:
        wait_for_torch()
        present(kept, number)
        return
    section = st.segmented_control(
        "Section",
        SECTIONS,
        default=SECTIONS[0],
        required=True,
        label_visibility="collapsed",
        **persisted("failures", every_page=False),
    )
    if section == "Gallery":
        gallery(sidebar(edit_prompts=False, shows_scan=False))
    elif section == "Pins":
        wait_for_torch()
        pin_list(kept)
    elif kept:
        invitation(kept)
    else:
        nothing()
