"""Several views as a talk: one page a case, made once for PPTX and HTML alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zsad_core.base.palette import Classes
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


@dataclass(frozen=True)
class Case:
    """A view to show, found when it is its turn, under a title and with a note."""

    view: Callable[[], View]
    title: str
    note: str = ""


@dataclass(frozen=True)
class Page:
    """A case as it is shown. `picture` is PNG; without one `problem` says why there is none."""

    title: str
    note: str
    picture: bytes = b""
    words: Statement | None = None
    slice: str = ""
    problem: str = ""

    @property
    def shown(self) -> str:
        """Subject, modality and slice, and whether it is synthetic."""
        if self.words is None:
            return ""
        return self.words.title + " · synthetic" * ("synthetic" in self.words.facts)

    @property
    def alternative(self) -> str:
        """What the picture shows, for who does not see it."""
        method = self.words.method if self.words else ""
        return f"{self.shown}; {method}. {self.slice}."


@dataclass(frozen=True)
class Deck:
    """Title, pages, and on what ground they are shown."""

    title: str
    pages: tuple[Page, ...]
    dark: bool = False

    @property
    def statement(self) -> tuple[str, ...]:
        """What stands on the first page."""
        facts = [page.words.facts for page in self.pages if page.words]
        made = {f"{PRODUCT} {one['version']}, {one['date'][:10]}" for one in facts}
        count = len(self.pages)
        told = [f"{counted(count, 'case')} · {', '.join(sorted(made)) or PRODUCT}"]
        if synthetic := sum("synthetic" in one for one in facts):
            told.append(
                "Synthetic demo scans, not patients."
                if synthetic == count
                else f"{synthetic} of {count} cases are synthetic."
            )
        return (*told, NO_DEVICE)

    def provenance(self) -> tuple[tuple[str, ...], ...]:
        """A row for each case, in the order of `COLUMNS`; digests by their first 12 digits."""
        return tuple(
            (f"{number}. {page.title}", *_provenance(page))
            for number, page in enumerate(self.pages, 1)
        )

    def versions(self) -> str:
        """What all cases were made with."""
        facts = [page.words.facts for page in self.pages if page.words]
        told = {
            title: sorted({one[name] for one in facts if name in one})
            for title, name in VERSIONS.items()
        }
        return " · ".join(f"{title} {', '.join(found)}" for title, found in told.items() if found)


def deck(
    engine: Engine,
    cases: Sequence[Case],
    title: str = "Cases",
    dark: bool = False,
    progress: Progress | None = None,
    palette: Classes = "safe",
) -> Deck:
    """Read and draw the cases; one that cannot be read has a page that says why.

    Raises SettingError without any case, and Cancelled where `progress` does.
    """
    if not cases:
        raise SettingError("A deck needs 1 case or more, and there are 0; pin a view first.")
    pages, look = [], Look(dark=dark, points=POINTS, palette=palette)
    for done, case in enumerate(cases):
        if progress:
            progress(done, len(cases))
        pages.append(_page(engine, case, look))
    if progress:
        progress(len(cases), len(cases))
    return Deck(legible(title) or "Cases", tuple(pages), dark)


def _page(engine: Engine, case: Case, look: Look) -> Page:
    title, note = legible(case.title), "\n".join(map(legible, case.note.split("\n")))
    try:
        reading = read(engine, case.view())
        words = statement(engine, reading)
        picture = saved(Scene(reading, look), "png", SCALE)
    except Cancelled:
        raise
    except ZsadError as error:
        return Page(title, note, problem=legible(str(error)))
    told = f"This slice: {slice_numbers(reading, reading.view.index)}"
    return Page(title or words.title, note, picture, words, told)


def _provenance(page: Page) -> tuple[str, ...]:
    if page.words is None:
        return (page.problem,) + ("",) * (len(COLUMNS) - 2)
    facts = page.words.facts
    own = {
        "Threshold": f"{facts['threshold']}, {facts['threshold_rule'].partition(':')[0]}",
        "Method · setup": page.words.method,
        "Precision, device": f"{facts.get('precision_of_features', 'no tower')}, {facts['device']}",
    }
    found = []
    for name, fact in list(COLUMNS.items())[1:]:
        told = own[name] if name in own else facts.get(fact, "–")
        found.append(told[:12] if fact.endswith("digest") else told)
    return tuple(found)
