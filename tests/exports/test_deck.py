import base64
import io
import re
from html.parser import HTMLParser

import pytest
from PIL import Image
from pptx import Presentation

from tests.helpers.views import HOSTILE
from zsad_core.errors import Cancelled, DataError, SettingError
from zsad_core.exports.deck import TABLE_ROWS, DeckCase, deck, html
from zsad_core.exports.slides import pptx
from zsad_core.exports.words import NO_DEVICE

NOTE = "<script>alert(1)</script>\n{{ 7 * 7 }} \x00\x0b https://example.org/x.js & <img src=x>"
LOST = "'Lost' needs t2f of <i>, and no data here have it; add the folder."


def lost():
    raise DataError(LOST)


@pytest.fixture(scope="module")
def made(engine, view):
    cases = [
        DeckCase(lambda: view, f"Missed {HOSTILE}", NOTE),
        DeckCase(lost, "Lost"),
        DeckCase(lambda: view, ""),
    ]
    return deck(engine, cases, "Five <b>failures</b>")


class Page(HTMLParser):
    """Tags with attributes, and all text that is shown."""

    def __init__(self, content):
        super().__init__()
        self.tags, self.text, self._inside = [], [], ""
        self.feed(content)

    def handle_starttag(self, tag, attrs):
        self._inside = tag
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        if self._inside not in ("script", "style"):
            self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def test_the_web_page_needs_nothing_from_elsewhere(made):
    content = html(made)
    page = Page(content)
    for tag in ("link", "iframe", "object", "embed", "base", "a", "form", "b", "i"):
        assert not page.all(tag)
    assert len(page.all("script")) == 1
    assert not page.all("script")[0]
    assert all(one["src"].startswith("data:image/png;base64,") for one in page.all("img"))
    assert not re.search(r"""(src|href|url|@import)\s*[=(:]?\s*["'(]?\s*(https?:)?//""", content)
    without_text = content.replace("https://example.org/x.js", "")
    assert "http:" not in without_text
    assert "https:" not in without_text
    policy = next(one for one in page.all("meta") if "http-equiv" in one)["content"]
    assert policy.startswith("default-src 'none'")


def test_the_web_page_shows_what_users_wrote_as_text(made):
    page = Page(html(made))
    said = "".join(page.text)
    assert "Five <b>failures</b>" in said
    assert f"Missed {HOSTILE}" in said
    assert "<script>alert(1)</script>\n{{ 7 * 7 }} https://example.org/x.js & <img src=x>" in said
    assert LOST in said
    assert NO_DEVICE in said
    assert len(page.all("section")) == 1 + 3 + 1
    assert len(page.all("img")) == 2
    picture = base64.b64decode(page.all("img")[0]["src"].partition(",")[2])
    with Image.open(io.BytesIO(picture)) as image:
        assert image.width > 1200
    assert "axial slice" in page.all("img")[0]["alt"]


def test_slides_open_again_with_pictures_and_notes(made):
    file = Presentation(io.BytesIO(pptx(made)))
    slides = list(file.slides)
    assert len(slides) == 1 + 3 + 1
    assert file.slide_width / file.slide_height == pytest.approx(16 / 9, rel=1e-3)
    assert slides[0].shapes.title.text == "Five <b>failures</b>"
    assert all(slide.shapes.title.text for slide in slides)
    pictures = [[one for one in slide.shapes if one.shape_type == 13] for slide in slides]
    assert list(map(len, pictures)) == [0, 1, 0, 1, 0]
    notes = slides[1].notes_slide.notes_text_frame.text
    assert "<script>alert(1)</script>\n{{ 7 * 7 }}" in notes
    assert "scan_digest: " in notes
    assert LOST in slides[2].notes_slide.notes_text_frame.text
    said = "\n".join(one.text_frame.text for one in slides[1].shapes if one.has_text_frame)
    page = made.pages[0]
    made_with = f"{page.words.threshold} · {page.words.origin}"
    assert {page.slice, page.words.numbers, made_with} <= set(said.splitlines())
    (table,) = (one.table for one in slides[-1].shapes if one.has_table)
    cells = [[cell.text for cell in row.cells] for row in table.rows]
    assert cells[1][6] == page.words.facts["scan_digest"][:12]
    for slide in slides:
        texts = [one.text_frame.text for one in slide.shapes if one.has_text_frame]
        assert "\n".join(texts).splitlines().count(NO_DEVICE) == 1


def test_nothing_on_a_slide_lies_beyond_it_or_over_the_picture(made):
    file = Presentation(io.BytesIO(pptx(made)))
    for slide in file.slides:
        for shape in slide.shapes:
            assert shape.left >= 0
            assert shape.left + shape.width <= file.slide_width
            assert shape.top + shape.height <= file.slide_height
    slide = file.slides[1]
    (picture,) = (one for one in slide.shapes if one.shape_type == 13)
    for other in slide.shapes:
        if other.shape_id != picture.shape_id:
            above = other.top + other.height <= picture.top
            assert above or other.top >= picture.top + picture.height


def test_a_long_deck_has_a_table_a_page_of_cases(made):
    many = type(made)(made.title, made.pages[1:2] * (TABLE_ROWS + 1))
    assert len(Presentation(io.BytesIO(pptx(many))).slides) == 1 + TABLE_ROWS + 1 + 2
    assert html(many).count("<table>") == 2


def test_a_deck_without_cases_is_refused_and_a_cancel_ends_it(engine, view):
    with pytest.raises(SettingError, match="1 case or more"):
        deck(engine, [])

    def stop(done, total):
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        deck(engine, [DeckCase(lambda: view, "one")], progress=stop)
