"""The view that a user looked at last, for another tab or another day; uploads are not kept."""

import contextlib
from urllib.parse import parse_qs, parse_qsl, urlencode

import streamlit as st

from pages.ui.shell import navigate, session
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.user import home, user
from zsad_core.errors import StorageError
from zsad_core.methods import name_of
from zsad_core.workspace import last_view


def keep(choice: UserChoice) -> None:
    """Keep the address of Explore; a disk that refuses it costs this way back alone."""
    if choice.data.private:
        return
    unused = {  # of what was looked at before, an upload perhaps
        session.REFERENCE_SLICES.key: not choice.map.references,
        session.REFERENCE_SET.key: not choice.map.volumes,
    }
    words = parse_qsl(session.address(), keep_blank_values=True)
    query = urlencode([(key, word) for key, word in words if not unused.get(key)])
    if query == session.KEPT_VIEW.get():
        return
    session.KEPT_VIEW.set(query)
    with contextlib.suppress(StorageError):
        last_view.keep(user(), query, home())


def offer() -> None:
    """The way back to what this user looked at last, if anything is known of it."""
    query = last_view.last(user(), home())
    words = parse_qs(query)
    keys = (session.SUBJECT, session.METHOD, session.SETUP, session.MODALITY)
    subject, method, *others = (words.get(entry.key, [""])[-1] for entry in keys)
    if not subject:
        return
    text = " · ".join(filter(None, (subject, name_of(method), *others)))
    label, icon = escape(f"Continue where you left off: {text}"), ":material/history:"
    if st.button(label, key="continue", type="tertiary", icon=icon):
        navigate.to_address(query)
