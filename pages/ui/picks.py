"""Widgets whose choice stands in the page's address."""

from collections.abc import Sequence

import streamlit as st

KEPT = {"bind": "query-params", "persist_state": "session"}


def pick(label: str, options: Sequence[str], key: str, first: str, **more: object) -> str:
    """A list whose choice stands in the address as it is shown; `first` until one is made.

    It is put on top, since a choice of the topmost is left out of the address.
    """
    if st.session_state.get(key) not in options:
        st.session_state[key] = first
    ordered = [first, *(option for option in options if option != first)]
    return st.selectbox(label, ordered, key=key, **more, **KEPT)
