"""The record of who did what, where several use the app: with a login, or as `ZSAD_VISITORS`."""

import os
from collections.abc import Callable

from pages.ui.shell import login, session, user, visitors
from zsad_core.base import audit
from zsad_core.base.audit import Act


def note(act: Act, what: str) -> None:
    """Record that this user did something."""
    noted(act, what)()


def noted(act: Act, what: str) -> Callable[[], None]:
    """What records it when it is called, in whatever thread."""
    if not (login.required() or os.environ.get(visitors.VARIABLE)):
        return lambda: None
    who = login.described() if login.required() else user.user()
    return lambda: audit.note(who, act, what)


def note_login() -> None:
    """Record that a session of somebody who is logged in began, once for each."""
    if login.required() and not session.LOGIN_NOTED.get():
        session.LOGIN_NOTED.set(True)
        note("login", "session")
