"""Who may use the app, and who may change what all of its users share.

A viewer looks, writes prompts, pins, uploads; an operator also adds data and weights, trains,
evaluates and deletes. With a login the operators are those whom `ZSAD_OPERATORS` names. Without one
all visitors are one: an operator on the machine itself, and what the operator says
(`ZSAD_VISITORS`) where others reach it.
"""

import ipaddress
import os

import streamlit as st

from pages.ui.shell import login
from zsad_core.base import access

VARIABLE, OPERATORS = "ZSAD_VISITORS", "ZSAD_OPERATORS"
VIEWER, OPERATOR = "viewer", "operator"


def refusal() -> str:
    """Why the app serves nobody, in a sentence; "" where it may."""
    visitors, address = os.environ.get(VARIABLE, ""), st.get_option("server.address")
    if visitors not in ("", VIEWER, OPERATOR):
        return f"{VARIABLE} is '{visitors}'; whoever runs this app sets it to viewer or operator."
    if lacking := login.lacking():
        return lacking
    if _is_this_machine(address):
        return ""
    where = f"at {address}" if address else "at every address of this machine"
    if not visitors and not login.required():
        return (
            f"This app answers {where} and has no login; whoever runs it starts it at localhost, "
            f"or says by {VARIABLE}=viewer or {VARIABLE}=operator what anybody may do."
        )
    if access.folders() is None:
        return (
            f"This app answers {where} and would open any folder; whoever runs it names those that "
            f"may be opened in {access.VARIABLE}, which may be empty."
        )
    return ""


def may_operate() -> bool:
    """Whether this visitor may change what all users share."""
    if login.required():
        named = os.environ.get(OPERATORS, "").split(",")
        return login.is_one_of([name.strip() for name in named])
    return os.environ.get(VARIABLE) != VIEWER


def _is_this_machine(address: str | None) -> bool:
    try:
        return address == "localhost" or ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False
