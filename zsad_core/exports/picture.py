"""A view as a picture, PNG or SVG, with legend and caption."""

import io
import textwrap
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.text import Text

from zsad_core.base import print_fonts
from zsad_core.exports.reading import Reading, read
from zsad_core.exports.scene import LOOK, Look, Scene, width
from zsad_core.exports.statement import Statement, statement
from zsad_core.exports.words import NO_DEVICE, PRODUCT, scan_title, slice_numbers
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.types import Progress

Kind = Literal["png", "svg"]
StyledLine = tuple[str, float, str]
"""Text, size in points, colour."""
Metadata = dict[str, str | None]
DPI = 100  # pixels an inch at scale 1
SCALES = (1, 2, 3, 4)
INDENT = 0.12  # inches
TITLE = 1.3  # of the size of other type
# Set once for good, since threads draw at the same time: text stays text, same bytes each time.
print_fonts.use_all()
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": PRODUCT})


class SlicePicture:
    """A scene with the text of the slice above it and that of the whole view below it."""

    def __init__(self, reading: Reading, words: Statement, look: Look) -> None:
        """Lay out the words round the scene."""
        self.reading, self.words, self.look = reading, words, look
        points, (_, ink, faint) = look.points, look.ink
        self._room = width(reading, look) - 2 * INDENT
        above = [(self._title(len(reading.stack.image) - 1), TITLE * points, ink)]
        above.append(("", points, ink))
        below = [
            (words.method, points, ink),
            (words.numbers, points, ink),
            (words.threshold, 0.85 * points, ink),
            (f"{words.origin} {NO_DEVICE}", 0.75 * points, faint),
        ]
        below = [(_wrapped(text, size, self._room), size, colour) for text, size, colour in below]
        top, bottom = (sum(map(_high, lines)) + INDENT for lines in (above, below))
        self.scene = Scene(reading, look, top, bottom)
        self._changing = self._write(self.scene.size[1] - INDENT / 2, above)
        self.scene.moving += self._changing
        self._write(bottom - INDENT / 2, below)
        self.show(reading.view.index)

    def show(self, index: int) -> None:
        """Show another slice in the panels and in the text above them."""
        self.scene.show(index)
        self._changing[0].set_text(self._title(index))
        self._changing[1].set_text(f"This slice: {slice_numbers(self.reading, index)}")

    def _title(self, index: int) -> str:
        synthetic = " · synthetic" if "synthetic" in self.words.facts else ""
        title = f"{scan_title(self.reading, index)}{synthetic}"
        return _wrapped(title, TITLE * self.look.points, self._room)

    def _write(self, top: float, lines: list[StyledLine]) -> list[Text]:
        """Write texts one below the other from `top` inches down, none parsed as mathematics."""
        (across, up), texts = self.scene.size, []
        for text, points, colour in lines:
            at = (INDENT / across, top / up, text)
            looks: dict[str, Any] = {"va": "top", "fontsize": points, "color": colour}
            texts.append(self.scene.figure.text(*at, parse_math=False, **looks))
            top -= _high((text, points, colour))
        return texts


def picture(
    engine: Engine,
    view: View,
    kind: Kind = "png",
    look: Look = LOOK,
    scale: float = 2,
    progress: Progress | None = None,
) -> bytes:
    """The view with legend and caption; its statement is in the metadata. Raises ZsadError.

    At scale 1 an inch, of about 12, has 100 pixels. PNG holds Title, Description and Spec as text.
    """
    reading = read(engine, view, progress)
    words = statement(engine, reading)
    metadata: Metadata = {"Title": words.title, "Description": words.lines()}
    if kind == "png":
        metadata |= {"Software": PRODUCT, "Spec": words.as_json()}
    else:
        metadata |= {"Creator": PRODUCT, "Date": None}
    return saved(SlicePicture(reading, words, look).scene, kind, scale, metadata)


def saved(scene: Scene, kind: Kind, scale: float, metadata: Metadata | None = None) -> bytes:
    """A scene as a file with its metadata."""
    print_fonts.tell_missing(scene.figure)
    stream, ground = io.BytesIO(), scene.figure.get_facecolor()
    scene.figure.savefig(stream, format=kind, dpi=DPI * scale, facecolor=ground, metadata=metadata)
    return stream.getvalue()


def _high(line: StyledLine) -> float:
    """Height of a text in inches."""
    text, points, _ = line
    return (text.count("\n") + 1) * points / 72 * 1.35


def _wrapped(text: str, points: float, inches: float) -> str:
    """Text in lines that fit; a letter is about 0.58 of its height wide."""
    letters = max(20, int(inches * 72 / (0.58 * points)))
    return textwrap.fill(text, letters, break_on_hyphens=False)
