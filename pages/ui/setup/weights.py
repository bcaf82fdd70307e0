"""The Setup page's weights: what is found and missing, fetching, and setups of one's own."""

import contextlib
from dataclasses import fields
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.ui.shell import audit, compute, frame, login, session, visitors
from pages.ui.shell.markdown import escape
from pages.ui.shell.user import home, user
from zsad_core import backbones, methods, setups
from zsad_core.base import settings
from zsad_core.errors import WeightsError
from zsad_core.setups import Setup, published
from zsad_core.setups import user as own_setups
from zsad_core.types import BackboneSpec


def weights() -> None:
    """A table of all setups, a Fetch button for each backbone to fetch, and a form for own ones."""
    for problem in dict.fromkeys(
        one for own in (None, home()) for one in settings.unreadable("setups", Setup, own)
    ):
        st.warning(escape(problem))
    entries = setups.entries(home())
    _table(entries)
    if not visitors.may_operate():
        return
    st.caption(f"Shipped backbones: {', '.join(backbones.BACKBONES)}.")
    st.caption(f"Folder of published checkpoints: {escape(str(published.folder()))}.")
    for entry in entries.values():
        if not _is_shipped(entry) and entry.method != methods.FILES:
            _own(entry)
    for spec in dict.fromkeys(entry.backbone for entry in entries.values()):
        _fetch(spec)
    _form()


def _table(entries: dict[tuple[str, str], Setup]) -> None:
    table = pd.DataFrame(
        {
            "method": methods.name_of(method),
            "setup": name,
            "state": "missing" if (problem := setups.missing(entry)) else "available",
            "what to do": problem,
            "backbone": _title(entry.backbone) if methods.kind_of(method).needs_tower else "",
            "checkpoint": _about(entry),
            "provenance": entry.provenance,
            "by": _by(entry),
        }
        for (method, name), entry in entries.items()
    )
    lacking = table.loc[table["state"] == "missing", ["method", "setup", "what to do"]]
    others = "" if lacking.empty else " What the others need is listed below the table."
    st.caption(f"{len(table) - len(lacking)} of {len(table)} setups available.{others}")
    st.dataframe(table, hide_index=True, height=300)
    if not lacking.empty:
        st.table(lacking.map(escape), border="horizontal", height=240, hide_index=True)


def _is_shipped(entry: Setup) -> bool:
    return (entry.method, entry.setup) in setups.shipped()


def _by(entry: Setup) -> str:
    """Who added a setup."""
    if _is_shipped(entry):
        return "the project"
    if entry.home or entry.owner == user() or not login.required():
        return "you"
    return "another user" if entry.owner else "an operator"


def _about(entry: Setup) -> str:
    """How its digest begins, and whether it is the published file; "" without one."""
    if official := published.files().get((entry.method, entry.setup)):
        return published.compared(official)
    with contextlib.suppress(WeightsError):
        if digest := setups.digest(entry):
            return f"SHA-256 {digest[:12]}"
    return ""


def _title(spec: BackboneSpec) -> str:
    return f"{spec.name} {spec.weights}".strip()


def _fetch(spec: BackboneSpec) -> None:
    """A running download, or the way to start one; nothing where nothing is to be fetched."""
    key = f"fetch-{_title(spec)}"
    if compute.show_running(key) or not backbones.unfetched(spec):
        return
    left, right = st.columns([6, 1], vertical_alignment="center")
    left.write(f"**{escape(_title(spec))}** is not downloaded yet.")
    what = "Downloads it to the folder where open_clip looks for it."
    if right.button("Fetch", key=key, help=what):
        work = partial(backbones.fetch, spec)
        compute.start(key, f"Fetching {_title(spec)}, MB", work, "pages/6_Setup.py")
        st.rerun()
    if compute.stopped(job := compute.engine().jobs.find(key)):
        st.warning(compute.outcome(job))


def _own(entry: Setup) -> None:
    """A setup that the project does not bring, with what this user may do with it."""
    left, middle, right = st.columns([5, 1, 1], vertical_alignment="center")
    name = methods.configuration_name(entry.method, entry.setup)
    alone = ", for you alone" if entry.home else ""
    left.write(f"**{escape(name)}** added by {_by(entry)}{alone}.")
    key, own = f"{entry.method}-{entry.setup}", Path(entry.home) if entry.home else None
    if own and middle.button("Publish", key=f"publish-{key}", help="A copy for all users."):
        with frame.of_click():
            own_setups.publish(entry.method, entry.setup, own, user())
            st.toast(f"Published: {escape(name)}")
    if entry.owner not in ("", user()):
        return
    what = "Removes it from the list; the files stay."
    if right.button("Forget", key=f"forget-{key}", help=what):
        own_setups.forget(entry.method, entry.setup, own, user())
        audit.note("deletion", f"setup {entry.method} {entry.setup}")
        compute.engine().forget()
        st.rerun()


def _form() -> None:
    st.subheader("Add your own weights")
    if added := session.notice("weights"):
        st.success(escape(added))
    usable = [name for name, method in methods.METHODS.items() if method.needs_tower]
    with st.form("own", border=False):
        left, right = st.columns(2)
        method = left.selectbox("Method", usable, format_func=methods.name_of, key="own-method")
        name = right.text_input("Name of the setup", placeholder="my-clip", key="own-name")
        example = "ViT-L-14-336, hf-hub:owner/name or /path/config.json"
        backbone = left.text_input("Backbone", placeholder=example, key="own-backbone")
        example = "openai, or /path/weights.safetensors"
        tag = right.text_input("Weights", placeholder=example, key="own-weights")
        what = (
            "Safetensors, a file in the format that its authors publish, or the name of a shipped "
            "one, such as anomalyclip-brats.safetensors."
        )
        checkpoint = left.text_input("Checkpoint of the method", key="own-checkpoint", help=what)
        size = right.number_input("Image size (0: the backbone's own)", 0, 2048, key="own-size")
        what = " · ".join(f"{name}: {escape(_fields(name))}" for name in usable)
        chosen = left.text_input(
            "Options of the method", key="own-options", placeholder="hsf=no", help=what
        )
        note = right.text_input("Provenance", key="own-note")
        if st.form_submit_button("Add"):
            options = own_setups.options_of(chosen)
            options += (("image_size", str(size)),) if size else ()
            spec = BackboneSpec(backbone.strip(), tag.strip())
            note = note.strip() or "Added by you."
            _add(Setup(method, name.strip(), spec, checkpoint.strip(), note, options))


def _fields(method: str) -> str:
    """The options of a method with their defaults."""
    defaults = {field.name: field.default for field in fields(methods.kind_of(method))}
    return ", ".join(f"{name}={value}" for name, value in defaults.items() if name != "image_size")


def _add(entry: Setup) -> None:
    with st.spinner("Checking …"):
        own_setups.add(entry, home())
    compute.engine().forget()
    name = methods.configuration_name(entry.method, entry.setup)
    session.notify("weights", f"Added {name}; choose it in the sidebar once nothing is missing.")
    st.rerun()
