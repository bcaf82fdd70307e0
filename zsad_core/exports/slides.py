"""A deck as PPTX, 16:9; the notes of a slide hold the whole statement."""

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.presentation import Presentation as File
from pptx.slide import Slide
from pptx.text.text import TextFrame
from pptx.util import Inches, Pt

from zsad_core.exports.deck import COLUMNS, TABLE_ROWS, Deck, Page
from zsad_core.exports.scene import Look
from zsad_core.exports.words import NO_DEVICE, PRODUCT

WIDE, HIGH, EDGE = 13.333, 7.5, 0.5  # inches
TITLE_ONLY = 5  # the layout, so that outlines and screen readers find the title
LONGEST_TITLE, LONGEST_NOTE = 75, 180  # letters on a page; the notes hold all of them
COLUMN_WIDTHS = (1.9, 1.5, 2.0, 1.75, 1.5, 1.15, 0.85, 0.85, 0.85)
Line = tuple[str, float]
"""Text and its size in points."""


def pptx(deck: Deck) -> bytes:
    """A title page, one page a case, and tables of provenance."""
    file, stream = Presentation(), io.BytesIO()
    file.slide_width, file.slide_height = Inches(WIDE), Inches(HIGH)
    about, now = file.core_properties, datetime.now(UTC)
    about.title, about.author, about.comments = deck.title, PRODUCT, NO_DEVICE
    about.last_modified_by, about.created, about.modified = PRODUCT, now, now
    first = _slide(file, deck, deck.title, 44, top=2.4)
    _write(first, deck, 3.6, [(line, 20) for line in deck.statement])
    for page in deck.pages:
        _case(_slide(file, deck, _short(page.title, LONGEST_TITLE), 28), deck, page)
    rows = deck.provenance()
    for start in range(0, len(rows), TABLE_ROWS):
        last = _slide(file, deck, "How it was made", 28)
        _table(last, deck, rows[start : start + TABLE_ROWS])
        _write(last, deck, 6.6, [(deck.versions(), 10)])
    for slide in list(file.slides)[1:]:  # the first has it in its statement
        _write(slide, deck, HIGH - 0.35, [(NO_DEVICE, 10)], faint=True)
    file.save(stream)
    return stream.getvalue()


def _slide(file: File, deck: Deck, title: str, points: float, top: float = 0.25) -> Slide:
    slide = file.slides.add_slide(file.slide_layouts[TITLE_ONLY])
    ground = slide.background.fill
    ground.solid()
    ground.fore_color.rgb = _colour(deck, 0)
    shape = slide.shapes.title
    shape.left, shape.top = Inches(EDGE), Inches(top)
    shape.width, shape.height = Inches(WIDE - 2 * EDGE), Inches(0.6 if points < 40 else 1.0)
    _fill(shape.text_frame, deck, [(title, points)], bold=True)
    return slide


def _case(slide: Slide, deck: Deck, page: Page) -> None:
    notes = [page.title, *([page.note] if page.note else [])]
    if page.note:
        _write(slide, deck, 0.85, [(_short(page.note, LONGEST_NOTE), 18)])
    if page.words is None:
        _write(slide, deck, 3.0, [(page.problem, 20)])
        notes.append(page.problem)
    else:
        top = 1.5 if page.note else 1.0
        _picture(slide, page, top, 5.6 - top)
        lines = [(line, 16) for line in (page.subject_line, page.words.method, page.slice)]
        lines += [(page.words.numbers, 16), (f"{page.words.threshold} · {page.words.origin}", 10)]
        _write(slide, deck, 5.6, lines)
        notes.append(page.words.lines())
    slide.notes_slide.notes_text_frame.text = "\n\n".join(notes)


def _picture(slide: Slide, page: Page, top: float, high: float) -> None:
    """Add the picture as large as fits, centred, with its alternative text."""
    picture = slide.shapes.add_picture(io.BytesIO(page.picture), 0, Inches(top))
    share = min(Inches(high) / picture.height, Inches(WIDE - 2 * EDGE) / picture.width)
    picture.width, picture.height = int(picture.width * share), int(picture.height * share)
    picture.left = (Inches(WIDE) - picture.width) // 2
    picture.element.nvPicPr.cNvPr.set("descr", page.alternative)


def _table(slide: Slide, deck: Deck, rows: Iterable[tuple[str, ...]]) -> None:
    lines = [tuple(COLUMNS), *rows]
    box = (Inches(EDGE), Inches(1.0), Inches(WIDE - 2 * EDGE), Inches(0.4 * len(lines)))
    table = slide.shapes.add_table(len(lines), len(COLUMNS), *box).table
    for column, wide in zip(table.columns, COLUMN_WIDTHS, strict=True):
        column.width = Inches(wide)
    for row, cells in enumerate(lines):
        for column, text in enumerate(cells):
            frame = table.cell(row, column).text_frame
            frame.text = text
            for paragraph in frame.paragraphs:
                paragraph.font.size = Pt(10)


def _write(
    slide: Slide, deck: Deck, top: float, lines: Sequence[Line], faint: bool = False
) -> None:
    box = (Inches(EDGE), Inches(top), Inches(WIDE - 2 * EDGE), Inches(0.3 * len(lines)))
    shape = slide.shapes.add_textbox(*box)
    _fill(shape.text_frame, deck, lines, faint=faint)


def _fill(
    frame: TextFrame, deck: Deck, lines: Sequence[Line], bold: bool = False, faint: bool = False
) -> None:
    frame.word_wrap = True
    frame.text = "\n".join(text for text, _ in lines)
    for paragraph, (_, points) in zip(frame.paragraphs, lines, strict=True):
        font = paragraph.font
        font.size, font.bold = Pt(points), bold
        font.color.rgb = _colour(deck, 2 if faint else 1)


def _short(text: str, most: int) -> str:
    """At most so many letters, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 2]} …"


def _colour(deck: Deck, which: int) -> RGBColor:
    return RGBColor.from_string(Look(dark=deck.dark).ink[which][1:])
