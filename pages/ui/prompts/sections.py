"""The sections of the prompt lab, and the choice of one."""

from collections.abc import Callable

import streamlit as st

from pages.ui.prompts.edit import edit
from pages.ui.prompts.history import history
from pages.ui.prompts.null_test import null_test
from pages.ui.prompts.search import search
from pages.ui.prompts.why import why
from pages.ui.shell import session
from pages.ui.shell.sidebar import UserChoice

SECTIONS: dict[str, Callable[[UserChoice], None]] = {
    "Edit": edit,
    "Search": search,
    "Null test": null_test,
    "History": history,
    "Why": why,
}
OF_SCAN = ("Edit", "Why")  # the sections that show the scan chosen


def choose_section() -> str:
    """The section to show."""
    section, first = session.LAB_SECTION.get(), session.LAB_SECTION.default
    session.settle(session.LAB_SECTION, section if section in SECTIONS else first, "Section")
    return st.segmented_control(
        "Section",
        list(SECTIONS),
        required=True,
        label_visibility="collapsed",
        **session.widget(session.LAB_SECTION),
    )
