"""Several views as a talk, one page a case, for PPTX and HTML alike, and as a web page."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import jinja2

from zsad_core.base.palette import Classes
from zsad_core.base.progress import tracked
from zsad_core.base.wording import counted
from zsad_core.errors import Cancelled, SettingError, ZsadError
from zsad_core.exports.picture import saved
from zsad_core.exports.reading import read
from zsad_core.exports.scene import Look, Scene
from zsad_core.exports.statement import Statement, statement
from zsad_core.exports.words import NO_DEVICE, PRODUCT, legible, slice_numbers
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.types import Progress
from zsad_core.workspace.pins import Pin, view_of

POINTS = 16  # of the type in pictures, which fill a page
SCALE = 1.6
TABLE_ROWS = 8  # cases on a page of provenance
COLUMNS = {
    "Case": "",
    "Data": "data",
    "Slice": "shows",
    "Method · setup": "",
    "Threshold": "",
    "Precision, device": "",
    "Scan": "scan_digest",
    "Weights": "weights_digest",
    "Checkpoint": "checkpoint_digest",
}
VERSIONS = {
    PRODUCT: "version",
    "Python": "python",
    "NumPy": "numpy",
    "PyTorch": "torch",
    "on": "device_name",
}


TEMPLATE = Path(__file__).with_name("deck.html")


@dataclass(frozen=True)
class DeckCase:
    """A view to show, resolved when its page is made, with a title and a note."""

    view: Callable[[], View]
    title: str
    note: str = ""


@dataclass(frozen=True)
class Page:
    """A page of one case: `picture` is PNG, or empty and `problem` says why."""

    title: str
    note: str
    picture: bytes = b""
    words: Statement | None = None
    slice: str = ""
    problem: str = ""

    @property
    def subject_line(self) -> str:
        """Subject, modality and slice, and whether it is synthetic."""
        if self.words is None:
            return ""
        return self.words.title + " · synthetic" * ("synthetic" in self.words.facts)

    @property
    def alternative(self) -> str:
        """The alternative text of the picture."""
        method = self.words.method if self.words else ""
        return f"{self.subject_line}; {method}. {self.slice}."


@dataclass(frozen=True)
class Deck:
    """Title, pages, and whether their background is dark."""

    title: str
    pages: tuple[Page, ...]
    dark: bool = False

    @property
    def statement(self) -> tuple[str, ...]:
        """Lines of the first page."""
        facts = [page.words.facts for page in self.pages if page.words]
        products = {f"{PRODUCT} {record['version']}, {record['date'][:10]}" for record in facts}
        count = len(self.pages)
        lines = [f"{counted(count, 'case')} · {', '.join(sorted(products)) or PRODUCT}"]
        if synthetic := sum("synthetic" in record for record in facts):
            lines.append(
                "Synthetic demo scans, not patients."
                if synthetic == count
                else f"{synthetic} of {count} cases are synthetic."
            )
        return (*lines, NO_DEVICE)

    def provenance(self) -> tuple[tuple[str, ...], ...]:
        """A row for each case, in the order of `COLUMNS`; digests by their first 12 digits."""
        return tuple(
            (f"{number}. {page.title}", *_provenance(page))
            for number, page in enumerate(self.pages, 1)
        )

    def versions(self) -> str:
        """Versions of the software that made the cases."""
        facts = [page.words.facts for page in self.pages if page.words]
        versions = {
            title: ", ".join(sorted({record[name] for record in facts if name in record}))
            for title, name in VERSIONS.items()
        }
        return " · ".join(f"{title} {version}" for title, version in versions.items() if version)


def cases_of(engine: Engine, chosen: tuple[Pin, ...]) -> list[DeckCase]:
    """Pins as cases of a deck; a pin's view is resolved when its page is made."""
    return [DeckCase(partial(view_of, engine, pin), _title(pin), pin.note) for pin in chosen]


def _title(pin: Pin) -> str:
    prefixed = pin.kind and pin.kind.lower() not in pin.title.lower()
    return f"{pin.kind}: {pin.title}" if prefixed else pin.title


def deck(
    engine: Engine,
    cases: Sequence[DeckCase],
    title: str = "Cases",
    dark: bool = False,
    progress: Progress | None = None,
    palette: Classes = "safe",
) -> Deck:
    """Read and draw the cases; the page of an unreadable case says why.

    Raises SettingError without any case, and Cancelled where `progress` does.
    """
    if not cases:
        raise SettingError("A deck needs 1 case or more, and there are 0; pin a view first.")
    look = Look(dark=dark, points=POINTS, palette=palette)
    pages = tuple(_page(engine, case, look) for case in tracked(cases, progress))
    return Deck(legible(title) or "Cases", pages, dark)


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


def _page(engine: Engine, case: DeckCase, look: Look) -> Page:
    title, note = legible(case.title), "\n".join(map(legible, case.note.split("\n")))
    try:
        reading = read(engine, case.view())
        words = statement(engine, reading)
        picture = saved(Scene(reading, look), "png", SCALE)
    except Cancelled:
        raise
    except ZsadError as error:
        return Page(title, note, problem=legible(str(error)))
    numbers = f"This slice: {slice_numbers(reading, reading.view.index)}"
    return Page(title or words.title, note, picture, words, numbers)


def _provenance(page: Page) -> tuple[str, ...]:
    if page.words is None:
        return (page.problem,) + ("",) * (len(COLUMNS) - 2)
    facts = page.words.facts
    own = {
        "Threshold": f"{facts['threshold']}, {facts['threshold_rule'].partition(':')[0]}",
        "Method · setup": page.words.method,
        "Precision, device": f"{facts.get('precision_of_features', 'no tower')}, {facts['device']}",
    }
    cells = {name: own.get(name) or facts.get(fact, "–") for name, fact in COLUMNS.items()}
    digests = {name for name, fact in COLUMNS.items() if fact.endswith("digest")}
    return tuple(cells[name][:12] if name in digests else cells[name] for name in [*COLUMNS][1:])
