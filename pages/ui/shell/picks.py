"""Widgets whose choice outlives a change of page and stands in the page's address."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

KEPT = {"bind": "query-params", "persist_state": "session"}
"""For a widget of one page: its choice stands in that page's address, and is there on return."""


_SCRIPT = Path(__file__).with_name("steps.js").read_text(encoding="utf-8")
_steps = st.components.v2.component("zsad_steps", js=_SCRIPT)


def one_step_a_page() -> None:
    """The browser's Back leads to the page before, with its choice; see the script's own words."""
    _steps(key="steps")


def carried(key: str) -> dict[str, Any]:
    """What a widget takes whose choice the session keeps from page to page."""
    st.session_state.setdefault("_carried", set()).add(key)
    return {"key": key, "persist_state": "session"}


def kept(key: str) -> dict[str, Any]:
    """What a widget of every page takes, whose choice stands in the address, too."""
    return {**carried(key), **KEPT}


def carry(title: str) -> bool:
    """Take every kept choice along to the page of this title, before it draws a widget.

    Streamlit hands choices from page to page as it tidies up after the page before, and tidies
    only what ran last: where that was a progress bar, the next page would begin with defaults.
    Says whether the page changed; then the address may follow only when the page runs once more.
    """
    state = st.session_state
    moved = state.get("_page", title) != title
    if moved:
        state.update({key: state[key] for key in state.get("_carried", ()) if key in state})
    state["_page"] = title
    return moved


def pick(label: str, options: Sequence[str], key: str, first: str, **more: object) -> str:
    """A list whose choice stands in the address as it is shown; `first` until one is made.

    It is put on top, since a choice of the topmost is left out of the address.
    """
    if st.session_state.get(key) not in options:
        st.session_state[key] = first
    ordered = [first, *(option for option in options if option != first)]
    return st.selectbox(label, ordered, **kept(key), **more)
