"""The login: Streamlit's, at an OpenID provider, where secrets.toml has a section [auth]."""

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from pages.ui.shell.markdown import escape


def required() -> bool:
    """Whether nobody uses the app without a login."""
    return "is_logged_in" in st.user


def lacking() -> str:
    """Why nobody can log in, in a sentence; "" where they can."""
    if not required():
        return ""
    try:
        import authlib  # noqa: F401
        import httpx  # noqa: F401
    except ModuleNotFoundError:
        return (
            "This app has a login and lacks the packages for it; whoever runs it installs "
            "zsad-explorer[login]."
        )
    return ""


def subject() -> str:
    """Who is logged in, the same at every login: their provider, and its name for them."""
    return f"{st.user['iss']} {st.user['sub']}"


def described() -> str:
    """The same for the operator to read, with the email."""
    return " ".join(filter(None, (subject(), str(st.user.get("email") or ""))))


def is_one_of(users: Sequence[str]) -> bool:
    """Whether this user is among them, by the subject claim, or by an email but if unverified."""
    email = "" if st.user.get("email_verified") is False else str(st.user.get("email") or "")
    emails = [user.lower() for user in users if "@" in user]
    return st.user["sub"] in users or email.lower() in emails


def gate() -> None:
    """Stop the page of a visitor who has not logged in, with a way to do so."""
    if not required() or st.user.get("is_logged_in"):
        return
    st.title("ZSAD Explorer", anchor=False)
    st.write("Log in to go on.")
    for provider in _providers():
        label = f"Log in with {escape(provider)}" if provider else "Log in"
        st.button(label, type="primary", on_click=partial(st.login, provider or None))
    st.stop()


def account() -> None:
    """Who is logged in, and the way out; nothing without a login."""
    if required():
        name = st.user.get("name") or st.user.get("email") or st.user["sub"]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Logged in as {escape(str(name))}", width="stretch")
            st.button("Log out", type="tertiary", on_click=st.logout)


def _providers() -> list[str]:
    """The names of the providers; "" is the one that needs none."""
    section = st.secrets["auth"]
    named = [name for name, value in section.items() if isinstance(value, Mapping)]
    named = [name for name in named if name != "client_kwargs"]
    return [*([""] if "client_id" in section else []), *named]
