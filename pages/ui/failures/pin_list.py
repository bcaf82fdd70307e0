"""What is pinned, in order: looked at, edited, moved, opened, shared as a file."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from pages.ui.failures import deck
from pages.ui.failures.present import dice_text, kind_of, subtitle, turn
from pages.ui.shell import audit, compute, download, frame, login, navigate, session
from pages.ui.shell.keyboard import palette
from pages.ui.shell.markdown import escape
from pages.ui.shell.navigate import EXPLORE
from pages.ui.shell.pictures import draw
from pages.ui.shell.session import PINS_OF, settle, several
from pages.ui.shell.user import home, owner_words, user
from zsad_core.base import paths
from zsad_core.base.wording import counted
from zsad_core.errors import ZsadError
from zsad_core.inference import thumbnails, views
from zsad_core.inference.views import View
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.workspace import pins
from zsad_core.workspace.pin_files import LARGEST
from zsad_core.workspace.pins import Pin

SHOWN = 20  # pins at once
HOW = (
    "Nothing is pinned yet. In Explore, go to a telling slice and press **Pin this view**; it is "
    "kept here with its threshold, prompts and numbers."
)


WHOSE = {"yours": "Yours", "published": "Published"}


def pins_home() -> Path:
    """Where the pins lie that are looked at: the user's own, or with a login those published."""
    return paths.home() if PINS_OF.get() == "published" else home()


def choose_whose() -> None:
    """With a login: one's own pins, or those that users published."""
    settle(PINS_OF, PINS_OF.get() if PINS_OF.get() in WHOSE else "yours", "Pins")
    if login.required():
        st.segmented_control(
            "Whose pins",
            list(WHOSE),
            format_func=WHOSE.__getitem__,
            required=True,
            label_visibility="collapsed",
            **several(PINS_OF),
        )


def pin_list(all_pins: Sequence[Pin]) -> None:
    """The file's buttons, then a row for each pin."""
    _file(all_pins)
    if not all_pins:
        nothing()
        return
    place = st.expander("Make a deck", icon=":material/co_present:", key="box-deck")
    st.subheader("Pinned cases")
    pages, page = -(-len(all_pins) // SHOWN), 1
    if pages > 1:
        page = st.number_input(f"Page of {pages}", 1, pages, key="pins-page")
    for at, pin in list(enumerate(all_pins))[(page - 1) * SHOWN : page * SHOWN]:
        with st.container(border=True):
            _row(pin, at, len(all_pins))
    with place:  # last, since a run that ends early takes the thumbnails away
        deck.offer(all_pins)


def nothing() -> None:
    """How to pin, and a way there."""
    st.info(HOW)
    st.page_link(EXPLORE, label="Open Explore", icon=":material/arrow_forward:")


def _file(all_pins: Sequence[Pin]) -> None:
    first, load, save, _ = st.columns([1, 1, 1, 3])
    first.button(
        "Present", type="primary", disabled=not all_pins, on_click=turn, args=(1,), width="stretch",
        icon=":material/slideshow:",
    )  # fmt: skip
    with save:
        download.button(
            "Download pins",
            pins.as_file(all_pins),
            "pins.json",
            disabled=not all_pins,
            width="stretch",
            help="One file to share; it names data, not folders.",
        )
    with (
        load.popover("Load pins", width="stretch", key="box-load"),
        st.form("load", clear_on_submit=True),
    ):
        file = st.file_uploader("A file of pins", type="json", max_upload_size=LARGEST // 2**20)
        if st.form_submit_button("Add", width="stretch") and file is not None:
            with frame.of_click():
                new, known = pins.add_file(file.getvalue(), file.name, user(), pins_home())
                again = f" {counted(known, 'pin')} existed already." if known else ""
                session.notify("pins", f"{counted(new, 'pin')} added.{again}")
                st.rerun()
    if added := session.notice("pins"):
        st.success(added)


def _row(pin: Pin, at: int, count: int) -> None:
    picture, words, buttons = st.columns([2, 6, 3])
    with picture:
        view = _picture(pin)
    with words:
        kind = f":orange-badge[{escape(kind)}] " if (kind := kind_of(pin)) else ""
        st.markdown(f"{kind}**{at + 1}. {escape(pin.title)}**")
        split = f" · split {pin.data.split} ({pin.split_digest[:8]})" if pin.data.split else ""
        threshold = f"{threshold_text(pin.threshold.value)} ({pin.threshold.rule})"
        facts = f"{subtitle(pin)}{split} · slice {pin.index + 1} · threshold {threshold}"
        pinned = f"{dice_text(pin)} when pinned, {pin.date[:10]}{owner_words(pin.owner)}"
        st.caption(escape(f"{facts} · {pinned}"))
        if pin.note:
            st.text(pin.note)
    with buttons:
        _buttons(pin, at, count, view)


def _picture(pin: Pin) -> View | None:
    """The pin's thumbnail and view; a sentence and None where it cannot be shown here."""
    try:
        view = pins.view_of(compute.engine(), pin, home())
        if not views.quick(compute.engine(), view):
            st.caption("Its map is not stored; open it in Explore to compute it.")
            return view
        with st.spinner("Drawing …"):
            picture = thumbnails.thumbnail(compute.engine(), view, palette())
        draw(picture)
    except ZsadError as error:
        st.warning(escape(str(error)))
        return None
    return view


def _buttons(pin: Pin, at: int, count: int, view: View | None) -> None:
    with st.container(horizontal=True):
        if st.button("Explore", key=f"open-{pin.id}", disabled=view is None) and view is not None:
            navigate.to(view)
        st.button("Present", key=f"show-{pin.id}", on_click=turn, args=(at + 1,))
    if not pin.owned_by(user()):
        return
    with st.container(horizontal=True):
        for label, name, by, end in (("↑", "up", -1, 0), ("↓", "down", 1, count - 1)):
            if st.button(label, key=f"{name}-{pin.id}", disabled=at == end, help=f"Move {name}"):
                with frame.of_click():
                    pins.move(pin.id, by, user(), pins_home())
                    st.rerun()
        with st.popover("Edit", key=session.PIN_EDITOR.of(pin.id).key, on_change="rerun"):
            _edit(pin)
        if pins_home() != paths.home():
            st.button(
                "Publish", key=f"publish-{pin.id}", on_click=_publish, args=(pin,),
                help="A copy for all users.",
            )  # fmt: skip


def _publish(pin: Pin) -> None:
    with frame.of_click():
        pins.add(replace(pin, id=uuid.uuid4().hex[:12], owner=user()), paths.home())
        st.toast(f"Published: {escape(pin.title)}")


def _edit(pin: Pin) -> None:
    """Title and note, and the pin's removal; keeping closes the popover."""
    with st.form(f"edit-{pin.id}", border=False):
        title = st.text_input("Title", pin.title, max_chars=200)
        note = st.text_area("Note", pin.note, max_chars=2000)
        close = partial(session.PIN_EDITOR.of(pin.id).set, False)
        if st.form_submit_button("Save", type="primary", width="stretch", on_click=close):
            with frame.of_click():
                pins.edit(pin.id, title, note, user(), pins_home())
                st.rerun()
    if st.button("Remove this pin", key=f"remove-{pin.id}", width="stretch"):
        with frame.of_click():
            pins.remove(pin.id, user(), pins_home())
            audit.note("deletion", f"pin '{pin.title}'")
            st.rerun()
