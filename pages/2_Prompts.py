"""The prompt lab: edit texts and see map and numbers change, search for better ones, doubt them."""

import streamlit as st

from pages.ui.shell.frame import page
from pages.ui.shell.session import LAB_SECTION, pick_section

with page("Prompts"):
    from pages.ui.prompts import sections
    from pages.ui.shell.sidebar import sidebar
    from zsad_core import methods

    section = pick_section(LAB_SECTION, list(sections.SECTIONS))
    choice = sidebar(edit_prompts=section != "Edit", shows_scan=section in sections.OF_SCAN)
    if methods.kind_of(choice.map.method).prompts:
        with st.container(key="section"):
            sections.SECTIONS[section](choice)
    else:
        st.info(
            f"{methods.name_of(choice.map.method)} reads no text; choose another in the sidebar."
        )
