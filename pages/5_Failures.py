"""A gallery of failure cases, and those that were pinned: ordered, shared, presented one a page."""

import streamlit as st

from pages.ui.shell.frame import page
from pages.ui.shell.session import persisted

SECTIONS = ("Gallery", "Pins", "Present")

with page("Failures"):
    from pages.ui.failures.gallery import gallery
    from pages.ui.failures.pin_list import nothing, pin_list
    from pages.ui.failures.present import addressed_case, invitation, present
    from pages.ui.shell.compute import wait_for_torch
    from pages.ui.shell.sidebar import sidebar
    from zsad_core.workspace import pins

    kept = pins.all_pins()
    if number := addressed_case(len(kept)):
        wait_for_torch()
        present(kept, number)
    else:
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
