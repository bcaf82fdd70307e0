"""Fonts of printed pictures: letters of any script, as far as this machine has them."""

import logging
import warnings
from collections.abc import Sequence
from functools import lru_cache

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.text import Text

FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR"),
    *("Source Han Sans SC", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Microsoft YaHei", "SimHei", "Yu Gothic", "MS Gothic", "Malgun Gothic", "NanumGothic"),
)
"""Families of Linux, macOS and Windows with the letters of Chinese, Japanese and Korean."""

# `tell_missing` says it in a sentence.
warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)


def use_all(fallbacks: Sequence[str] = FALLBACKS) -> None:
    """Let texts made from now on take what Matplotlib's font lacks from those installed here."""
    here = {*font_manager.get_font_names()}
    own = mpl.rcParamsDefault["font.family"]
    mpl.rcParams["font.family"] = [*own, *(name for name in fallbacks if name in here)]


def tell_missing(figure: Figure) -> None:
    """Log a sentence that names the letters of a figure which no font in use has, if any."""
    known = _letters(tuple(mpl.rcParams["font.family"]))
    written = "".join(text.get_text() for text in figure.findobj(Text))
    missing = [c for c in dict.fromkeys(written) if c.isprintable() and ord(c) not in known]
    if missing:
        logging.getLogger(__name__).warning(
            "No font here has the letters %s, which are boxes in the picture; install one that "
            "has, such as Noto Sans CJK, or take the SVG.",
            "".join(missing),
        )


@lru_cache(4)
def _letters(families: tuple[str, ...]) -> frozenset[int]:
    """The code points that the fonts of these families have together."""
    named = (font_manager.FontProperties(family=[family]) for family in families)
    paths = map(font_manager.findfont, named)
    return frozenset().union(*(font_manager.get_font(path).get_charmap() for path in paths))
