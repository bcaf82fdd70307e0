"""Who somebody is: who logged in, or else their browser, and where what they make is kept.

A browser keeps a random name in a cookie for a year. It is a secret of the browser: others see a
digest of it, and it opens the browser's uploads.
"""

import hashlib
import secrets
import uuid
from pathlib import Path

import streamlit as st

from pages.ui.shell import login, session
from zsad_core.base import paths
from zsad_core.base.jobs import Client

COOKIE = "zsad_user"
_keep_name = st.components.v2.component(
    "zsad_user", js=Path(__file__).with_name("user.js").read_text(encoding="utf-8")
)


def user() -> str:
    """What this user's pins, drafts and jobs are marked with; from it no name can be made."""
    return hashlib.sha256(f"user {name()}".encode()).hexdigest()[:32]


def home() -> Path:
    """Where what this user makes is kept: with a login a home of their own, else that of all."""
    return paths.home_of(user() if login.required() else "")


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
    """Without a login, have the browser keep this name, or take over that of another tab."""
    if login.required():
        return
    key = "user-name"

    def take_over() -> None:
        session.USER.set(session.component(key)["name"])
        session.UPLOAD_TOKEN.pop()

    _keep_name(key=key, data={"cookie": COOKIE, "name": name()}, on_name_change=take_over)


def name() -> str:
    """Who logged in; without a login the browser's name, or a new one that it has not kept yet."""
    if login.required():
        return login.subject()
    if not session.USER.exists():
        session.USER.set(st.context.cookies.to_dict().get(COOKIE) or secrets.token_hex())
    return session.USER.get()
