"""A deck as one self-contained HTML page: no link, font or script from elsewhere."""

import base64
from pathlib import Path

import jinja2

from zsad_core.exports.deck import COLUMNS, TABLE_ROWS, Deck
from zsad_core.exports.scene import Look
from zsad_core.exports.words import NO_DEVICE

TEMPLATE = Path(__file__).with_name("deck.html")


def html(deck: Deck) -> str:
    """Pages of one screen each, turned by keys, clicker or mouse; every text is escaped."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    rows = deck.provenance()
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        deck=deck,
        ink=Look(dark=deck.dark).ink,
        columns=list(COLUMNS),
        tables=[rows[at : at + TABLE_ROWS] for at in range(0, len(rows), TABLE_ROWS)],
        no_device=NO_DEVICE,
    )
