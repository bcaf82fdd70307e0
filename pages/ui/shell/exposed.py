"""Whether what has seen a subject may count: one choice for every page of means."""

import streamlit as st

from pages.ui.shell import session
from pages.ui.shell.markdown import escape
from zsad_core.report.captions import NAMED

EXPOSED = "exposed"  # the widget that includes exposed subjects


def include_exposed(subjects: list[str]) -> bool:
    """Whether rows of these exposed subjects count; asked only where there are any."""
    if not subjects:
        return False
    names = ", ".join(subjects[:NAMED]) + ", …" * (len(subjects) > NAMED)
    return st.checkbox(
        f"Include exposed subjects ({len(subjects)})",
        help="Checkpoint, prompts, threshold or references have seen them, so their numbers "
        f"flatter; they are left out of means, figures and tests: {escape(names)}",
        **session.persisted(EXPOSED),
    )
