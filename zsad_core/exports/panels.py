"""What a panel shows of a slice: scan, prediction against truth, anomaly map."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from zsad_core.base.palette import CLASSES, Classes, Rgb
from zsad_core.exports.outline import outline
from zsad_core.exports.reading import Reading
from zsad_core.types import ByteArray, MaskArray

Panel = Literal["scan", "classes", "map"]
Shown = tuple[Callable[[int], None], Sequence[Artist]]
"""What puts a slice into a panel, and what then changes, in the order in which it is drawn."""
HALO = [withStroke(linewidth=2.2, foreground="black")]
TRUTH, BRAIN = "#E6B422", "#8A8F98"
FILLED = 0.55


def scan(axes: Axes, reading: Reading, _: Classes) -> Shown:
    """The slice with the outline of the truth."""
    image, truth = _picture(axes, reading), _line(axes, TRUTH)

    def show(index: int) -> None:
        image.set_data(reading.cut(reading.stack.image, index))
        truth.set_data(*outline(reading.truth(index)))

    return show, [image, truth]


def classes(axes: Axes, reading: Reading, palette: Classes) -> Shown:
    """The slice with all filled, but in safe colours false positives hatched, misses outlined."""
    image, missed = _picture(axes, reading), _line(axes, hex_of(CLASSES[palette][2]))
    over = axes.imshow(_blank(reading, 4), aspect="auto", interpolation="nearest")
    known = reading.stack.truth is not None

    def show(index: int) -> None:
        truth, predicted = reading.truth(index), reading.cut(reading.mask, index)
        image.set_data(reading.cut(reading.stack.image, index))
        over.set_data(painted(truth, predicted, known, palette))
        if palette == "safe":
            missed.set_data(*outline(truth & ~predicted))

    return show, [image, over, missed]


def anomaly(axes: Axes, reading: Reading, _: Classes) -> Shown:
    """The map in the colours of its whole range, with the outlines of brain and truth.

    Where no mask can be it stays black.
    """
    image = axes.imshow(_blank(reading, 3), aspect="auto", interpolation="nearest")
    border, truth = _line(axes, BRAIN), _line(axes, TRUTH)

    def show(index: int) -> None:
        brain = reading.cut(reading.stack.brain, index)
        shown = reading.cut(reading.anomaly.values, index) / reading.anomaly.high
        heat = colormaps["inferno"](shown, bytes=True)
        if reading.view.readout.brain_only:
            heat[~brain] = (0, 0, 0, 255)
        image.set_data(heat)
        border.set_data(*outline(brain))
        truth.set_data(*outline(reading.truth(index)))

    return show, [image, border, truth]


PANELS: dict[Panel, tuple[str, Callable[[Axes, Reading, Classes], Shown]]] = {
    "scan": ("Scan and truth", scan),
    "classes": ("Prediction against truth", classes),
    "map": ("Anomaly map", anomaly),
}


def painted(
    truth: MaskArray, predicted: MaskArray, known: bool, palette: Classes = "safe"
) -> ByteArray:
    """(H, W, 4): all filled, but in safe colours false positives hatched and misses left free.

    >>> yes, no = np.array([[True]]), np.array([[False]])
    >>> painted(yes, yes, True).tolist(), painted(yes, no, True).tolist()
    ([[[0, 158, 115, 140]]], [[[0, 0, 0, 0]]])
    """
    found = np.zeros((*truth.shape, 4), np.uint8)
    rows, columns = np.indices(truth.shape)
    hatched = np.where((rows + columns) % 4 < 2, 1.5 * FILLED, 0.25 * FILLED)
    filled = np.full(truth.shape, FILLED)
    hit, wrong, lost, only = CLASSES[palette]
    safe = palette == "safe"
    for mask, colour, strength in (
        (truth & predicted, hit, filled),
        (predicted & ~truth, wrong if known else only, hatched if known and safe else filled),
        (truth & ~predicted & (not safe), lost, filled),
    ):
        found[mask, :3] = colour
        found[mask, 3] = (255 * strength[mask]).astype(np.uint8)
    return found


def hex_of(colour: Rgb) -> str:
    """A colour as Matplotlib reads it.

    >>> hex_of((0, 158, 115))
    '#009e73'
    """
    return f"#{bytes(colour).hex()}"


def _picture(axes: Axes, reading: Reading) -> AxesImage:
    return axes.imshow(
        _blank(reading, 1)[..., 0],
        cmap="gray",
        vmin=0,
        vmax=255,
        aspect="auto",
        interpolation="bicubic",
    )


def _line(axes: Axes, colour: str) -> Line2D:
    looks: dict[str, Any] = {"linewidth": 1.2, "solid_capstyle": "projecting", "path_effects": HALO}
    return axes.plot([], [], color=colour, **looks)[0]


def _blank(reading: Reading, channels: int) -> ByteArray:
    rows, columns = (side.stop - side.start for side in reading.frame)
    return np.zeros((rows, columns, channels), np.uint8)
