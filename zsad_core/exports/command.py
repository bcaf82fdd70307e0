"""The `deck` command: pinned cases as PPTX and as one web page."""

from functools import partial
from pathlib import Path

from zsad_core.base.atomic import write_whole
from zsad_core.exports.deck import Deck, DeckCase, deck
from zsad_core.exports.slides import pptx
from zsad_core.exports.web_page import html
from zsad_core.imaging.datasets.files import read_bytes
from zsad_core.inference.engine import Engine
from zsad_core.types import Progress
from zsad_core.workspace import pin_files, pins


def cases_of(engine: Engine, chosen: tuple[pins.Pin, ...]) -> list[DeckCase]:
    """Pins as cases of a deck; a pin's view is resolved when its page is made."""
    return [DeckCase(partial(pins.view_of, engine, pin), _title(pin), pin.note) for pin in chosen]


def _title(pin: pins.Pin) -> str:
    prefixed = pin.kind and pin.kind.lower() not in pin.title.lower()
    return f"{pin.kind}: {pin.title}" if prefixed else pin.title


def write(file: Path | None, out: Path, title: str, dark: bool, progress: Progress) -> Deck:
    """Write deck.pptx and deck.html from a file of pins or the user's own; raises ZsadError."""
    engine = Engine()
    chosen = pin_files.parsed(read_bytes(file), str(file)) if file else pins.all_pins()
    talk = deck(engine, cases_of(engine, chosen), title, dark, progress)
    write_whole(out / "deck.pptx", pptx(talk))
    write_whole(out / "deck.html", html(talk))
    return talk
