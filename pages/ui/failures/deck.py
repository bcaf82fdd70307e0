"""The deck of pinned cases: made in the background, then offered as PPTX and as a web page."""

from collections.abc import Sequence
from functools import partial
from typing import IO

import streamlit as st

from pages.ui.explore import export
from pages.ui.shell import compute
from pages.ui.shell.keyboard import palette
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.exports.deck import cases_of, deck, html
from zsad_core.exports.slides import pptx
from zsad_core.exports.words import safe
from zsad_core.types import Progress
from zsad_core.workspace.pins import Pin

LONGEST = 120  # letters of a title
LABELS = {"pptx": "PowerPoint (PPTX)", "html": "Web page (HTML, works offline)"}


def offer(chosen: Sequence[Pin]) -> None:
    """A button that makes the deck of these pins in their order, then its two files."""
    if not chosen:
        return
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    title = left.text_input("Title of the deck", "Failure cases", LONGEST, key="deck-title")
    dark = right.toggle("Dark background", value=True, key="deck-dark")
    count = counted(len(chosen), "case")
    engine, colours = compute.engine(), palette()

    def work(progress: Progress) -> dict[str, IO[bytes]]:
        made = deck(engine, cases_of(engine, tuple(chosen)), title, dark, progress, colours)
        files = {"pptx": pptx(made), "html": html(made).encode()}
        return {kind: export.on_disk(content) for kind, content in files.items()}

    key = f"deck-{key_of('', pins=tuple(chosen), title=title, dark=dark, colours=colours)}"
    result = compute.job_result(key, f"Deck of {count}", work, f"Make the deck of {count}")
    for column, (kind, file) in zip(st.columns(2), (result or {}).items(), strict=False):
        with column:
            name = f"{safe(title)}.{kind}"
            export.button(LABELS[kind], name, partial(export.content_of, file), f"deck-{kind}")
    if result:
        st.caption(export.STATEMENT)
