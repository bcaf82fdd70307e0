"""Letters that Matplotlib's own font lacks come from another, or are told in a sentence."""

import io

import matplotlib as mpl
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from zsad_core.base import print_fonts

HIEROGLYPH = "𓂀"


def letters(family):
    path = font_manager.findfont(font_manager.FontProperties(family=[family]))
    return {*font_manager.get_font(path).get_charmap()}


@pytest.fixture
def told(caplog):
    """told(TEXT) draws it with the fonts in use and returns what is said."""

    def draw(text):
        caplog.clear()
        figure = Figure()
        figure.text(0.5, 0.5, text, parse_math=False)
        figure.savefig(io.BytesIO(), format="png")
        print_fonts.tell_missing(figure)
        return caplog.messages

    with mpl.rc_context():
        yield draw


def test_what_the_own_font_lacks_is_taken_from_a_fallback(told):
    """Another family that Matplotlib ships stands for one of Chinese letters."""
    print_fonts.use_all(("STIXGeneral", "none that is here"))
    theirs = letters("STIXGeneral") - letters("DejaVu Sans")
    lent = next(chr(code) for code in sorted(theirs) if chr(code).isprintable())
    assert told(f"a {lent}") == []  # drawn without a warning, which would be an error


@pytest.mark.filterwarnings("ignore:Glyph")
def test_letters_that_no_font_has_are_told_once(told):
    print_fonts.use_all()
    (sentence,) = told(f"Müller {HIEROGLYPH}{HIEROGLYPH}\nД")
    assert f"No font here has the letters {HIEROGLYPH}, which are boxes" in sentence
    assert told("Müller") == []
