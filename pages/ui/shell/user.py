"""Who somebody is: their browser, which keeps a random name for a year.

Before it has one, the cookie that Streamlit gives it against forged requests stands in. That is the
same in all its tabs and after a reload, is known to no other, and goes when the browser is closed.
"""

import hashlib
import secrets
import uuid
from pathlib import Path

import streamlit as st

from pages.ui.shell import session
from zsad_core.base.jobs import Client

NAME, STREAMLIT = "zsad_user", "_streamlit_xsrf"  # cookies
_keep_name = st.components.v2.component(
    "zsad_user", js=Path(__file__).with_name("user.js").read_text(encoding="utf-8")
)


def user() -> str:
    """What this user's pins, drafts and jobs are marked with; from it no name can be made."""
    return _digest(_name())


def whose(owner: str) -> str:
    """Whose something with this mark is, in words; "" for what is everybody's."""
    return "" if not owner else "yours" if owner == user() else "another user's"


def owner_words(owner: str) -> str:
    """The same, to stand behind a name."""
    return f" · {whose(owner)}" if owner else ""


def tab() -> str:
    """A name for this tab of the browser, used by no other."""
    return session.TAB.setdefault(uuid.uuid4().hex)


def client() -> Client:
    """Who waits for a job that this run starts."""
    return Client(user(), tab())


def keep_name() -> None:
    """Have the browser keep its name, if it has none."""
    _keep_name(key="user-name", data={"cookie": NAME, "name": _name()})


def secret() -> str:
    """What Streamlit's cookie hides under a mask that changes: "2|mask|masked|time", in hex."""
    parts = st.context.cookies.to_dict().get(STREAMLIT, "").strip("\"'").split("|")
    try:
        mask, masked = (bytes.fromhex(part) for part in parts[1:3])
    except ValueError:
        return ""
    return bytes(byte ^ mask[i % len(mask)] for i, byte in enumerate(masked)).hex() if mask else ""


def _name() -> str:
    if not session.USER.exists():
        given = st.context.cookies.to_dict().get(NAME, "")
        session.USER.set(given or _digest(secret() or secrets.token_hex()))
    return session.USER.get()


def _digest(text: str) -> str:
    return hashlib.sha256(f"user {text}".encode()).hexdigest()[:32]
