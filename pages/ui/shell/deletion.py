"""Deleting what a user made: a button that asks first."""

from collections.abc import Callable

import streamlit as st

from pages.ui.shell import audit, frame


def delete_button(question: str, delete: Callable[[], None], key: str, what: str) -> None:
    """A button that shows the question, as markdown, beside the one that deletes `what`."""
    with st.popover("Delete …", width="stretch", key=f"ask-{key}"):
        st.markdown(question)
        if st.button("Delete", key=f"delete-{key}", type="primary", width="stretch"):
            with frame.of_click():
                delete()
                audit.note("deletion", what)
                st.rerun()
