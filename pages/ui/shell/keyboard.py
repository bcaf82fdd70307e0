"""The keys of viewer and pages, and the colours, within reach of every page."""

import streamlit as st

from pages.ui.shell import session
from pages.ui.shell.markdown import escape
from pages.ui.viewer import keys
from zsad_core.base.palette import NAMES, Classes

PAGE = (
    ("Tab / Shift+Tab", "next / previous control; into the viewer too"),
    ("Enter, Space", "press a button, open a list"),
    ("Ctrl+Enter", "apply the edited texts"),
    ("Esc", "close a list or a panel"),
    ("R", "run the page again"),
)


def keyboard() -> None:
    """One panel: keys of every page, keys of the viewer, the colour-blind-safe colours."""
    with st.popover(
        "Keys and colours", icon=":material/keyboard:", width="stretch", key="box-keys"
    ):
        what = "For true positives, false positives and false negatives, on every page."
        widget = session.widget(session.SAFE_COLOURS)
        st.toggle("Colour-blind-safe colours", help=what, **widget)
        st.markdown(f"**On every page**\n\n{_lines(PAGE)}")
        st.markdown(f"**In the viewer**, after a click on it\n\n{_lines(keys())}")


def palette() -> Classes:
    """The colours of the classes that were chosen, for the pictures of every page."""
    return "safe" if session.SAFE_COLOURS.get() else "classic"


def class_colours() -> tuple[str, str, str]:
    """What true positive, false positive and false negative are drawn in, in words."""
    return NAMES[palette()]


def _lines(rows: tuple[tuple[str, str], ...]) -> str:
    return "  \n".join(f"**{escape(pressed)}** · {escape(what)}" for pressed, what in rows)
