"""A user's own files: whose they are, and among which data they are chosen.

Who somebody is, the browser says: the random cookie that Streamlit gives it against forged requests
is the same in all its tabs and after a reload, and is known to no other.
"""

import streamlit as st

from pages.ui.shell import compute, session
from zsad_core.base import settings
from zsad_core.imaging.datasets import uploaded
from zsad_core.imaging.uploads import folders
from zsad_core.types import DataSpec

COOKIE = "_streamlit_xsrf"


def roots() -> dict[str, DataSpec]:
    """The data sets to choose from, by the name shown; this user's uploads among them."""
    own = folders.data_of(token())
    return settings.data_roots() | ({uploaded.TITLE: own} if own else {})


def token() -> str:
    """This user's, the same for all pages and tabs; with a session what others left is swept."""
    if not session.UPLOAD_TOKEN.exists():
        folders.sweep(compute.store())
        session.UPLOAD_TOKEN.set(folders.new_token(_secret()))
    return session.UPLOAD_TOKEN.get()


def _secret() -> str:
    """What the cookie hides under a mask that changes: "2|mask|masked|time", in hex; "" without."""
    parts = st.context.cookies.to_dict().get(COOKIE, "").strip("\"'").split("|")
    try:
        mask, masked = (bytes.fromhex(part) for part in parts[1:3])
    except ValueError:
        return ""
    return bytes(one ^ mask[at % len(mask)] for at, one in enumerate(masked)).hex() if mask else ""
