"""Colours, dashes and marks of all figures.

Lines are of the Okabe-Ito palette for colour-blind eyes (Okabe & Ito 2008, "Color Universal
Design"); its yellow is kept for the lesion bars, and dashes and marks repeat the colours.
"""

from typing import Literal

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x")
RING = (4.0, 5.2)
"""From and to how many pixels away from a missed part its ring lies."""
HOLLOW = "-open"  # end of a symbol that is drawn as its outline alone
Style = tuple[str, str, str]
Rgb = tuple[int, int, int]
Classes = Literal["classic", "safe"]
Cue = Literal["fill", "hatch", "line"]
Kind = Literal["tp", "fp", "fn", "only"]
LABELS: dict[Kind, str] = {
    "tp": "true positive",
    "fp": "false positive",
    "fn": "false negative",
    "only": "prediction, no truth known",
}
"""The classes of truth against prediction, in the order of the tables below."""
KINDS: tuple[Kind, ...] = tuple(LABELS)
# The viewer is sent both tables. In the safe set false positives are hatched too, and false
# negatives are outlined.
CLASSES: dict[Classes, tuple[Rgb, Rgb, Rgb, Rgb]] = {
    "classic": ((46, 204, 64), (255, 65, 54), (46, 134, 255), (255, 193, 7)),
    "safe": ((0, 158, 115), (204, 121, 167), (86, 180, 233), (240, 228, 66)),
}
CUES: dict[Classes, tuple[Cue, Cue, Cue, Cue]] = {
    "classic": ("fill", "fill", "fill", "fill"),
    "safe": ("fill", "hatch", "line", "fill"),
}
NAMES: dict[Classes, tuple[str, str, str]] = {
    "classic": ("green", "red", "blue"),
    "safe": ("green", "pink", "light blue"),
}
"""The first three in words."""


def styles(names: list[str]) -> dict[str, Style]:
    """Colour, dash and symbol of each name; the second six differ in their dash and hollow symbol.

    >>> table = styles([f"method {n}" for n in range(36)])
    >>> len(set(table.values()))
    36
    >>> table["method 0"], table["method 6"]
    (('#0072B2', 'solid', 'circle'), ('#0072B2', 'dash', 'square-open'))
    """
    size = len(COLOURS)
    return {
        name: (
            COLOURS[i % size],
            DASHES[(i + i // size) % size],
            SYMBOLS[(i + i // size) % size] + HOLLOW * (i // size % 2),
        )
        for i, name in enumerate(names)
    }
