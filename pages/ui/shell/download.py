"""Buttons that save a file.

Streamlit serves a download, like every file of a page, to whoever has its address, logged in or
not. So with a login the bytes go to the user's own page instead, and no address leads to them.
"""

import base64
import mimetypes
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from pages.ui.shell import audit, frame, login

Make = Callable[[], bytes | str]
_save = st.components.v2.component(
    "zsad_download", js=Path(__file__).with_name("download.js").read_text(encoding="utf-8")
)


def button(
    label: str,
    content: bytes | str | Make,
    name: str,
    *,
    key: str | None = None,
    help: str | None = None,
    icon: str | None = None,
    disabled: bool = False,
    width: Literal["content", "stretch"] = "content",
) -> None:
    """A button that saves a file of that name, made when it is clicked, without a rerun."""
    record = audit.noted("export", name)

    def made() -> bytes | str:
        record()
        return content() if callable(content) else content

    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    looks: dict[str, Any] = {"help": help, "icon": icon, "disabled": disabled, "width": width}
    if login.required():
        _own(label, made, name, mime, key or name, looks)
    else:
        st.download_button(label, made, name, mime, key=key, on_click="ignore", **looks)


@st.fragment
def _own(
    label: str,
    make: Make,
    name: str,
    mime: str,
    key: str,
    looks: dict[str, Any],
) -> None:
    if st.button(label, key=key, **looks):
        with frame.in_words():
            made = make()
        encoded = base64.b64encode(made.encode() if isinstance(made, str) else made).decode()
        if len(encoded) >= st.get_option("server.maxMessageSize") * 2**20:
            st.error(
                f"{name} has {len(encoded) / 2**20:.0f} MB on its way to this page, more than "
                "server.maxMessageSize allows; ask the operator to raise it."
            )
            return
        data = {"id": uuid.uuid4().hex, "name": name, "mime": mime, "content": encoded}
        _save(key=f"{key}-file", data=data)
