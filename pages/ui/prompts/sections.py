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
    """The section to show; the first where a page was left before its choice was known."""
    known = session.LAB_SECTION.exists()
    if known:
        section = session.LAB_SECTION.get()
        session.settle(session.LAB_SECTION, section if section in SECTIONS else "Edit", "Section")
    chosen = st.segmented_control(
        "Section",
        list(SECTIONS),
        default=None if known else "Edit",  # a restored trial sets it
        required=True,
        label_visibility="collapsed",
        **session.persisted(session.LAB_SECTION.key),
    )
    return chosen or "Edit"
