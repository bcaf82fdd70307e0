"""The address in the browser, which follows the choices of a session without further steps back."""

import time
from pathlib import Path

import streamlit as st

from pages.ui.shell import session

_SCRIPT = Path(__file__).with_name("steps.js").read_text(encoding="utf-8")
_steps = st.components.v2.component("zsad_steps", js=_SCRIPT)


def begin_steps() -> None:
    """Have the browser keep to one step of its history a page, before an address is written."""
    _steps(key="address-begun", data={"address": None, "time": 0})


def write_address(moment: str) -> None:
    """Have the browser's address name what is chosen at this moment of a run, once for each.

    Only where every choice fits the others: not before the sidebar is drawn, whose method may leave
    another training setup.
    """
    data = {"address": session.address(), "time": time.time()}  # the newest holds
    _steps(key=f"address-{moment}", data=data)
