"""The panels of a slice: scan, prediction against truth, anomaly map."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from zsad_core.base.overlay import overlay, rings
from zsad_core.base.palette import CLASSES, CUES, Classes, Rgb
from zsad_core.exports.reading import Reading
from zsad_core.types import ByteArray, FloatArray, MaskArray

PanelName = Literal["scan", "classes", "map"]
Shown = tuple[Callable[[int], None], Sequence[Artist]]
"""A function that shows a slice in a panel, and the artists it changes, in drawing order."""
HALO = [withStroke(linewidth=2.2, foreground="black")]
TRUTH, BRAIN = "#E6B422", "#8A8F98"


def scan(axes: Axes, reading: Reading, _: Classes) -> Shown:
    """The slice with the outline of the truth."""
    image, truth = _picture(axes, reading), _line(axes, TRUTH)

    def show(index: int) -> None:
        image.set_data(reading.cut(reading.stack.image, index))
        truth.set_data(*outline(reading.truth(index)))

    return show, [image, truth]


def classes(axes: Axes, reading: Reading, palette: Classes) -> Shown:
    """The slice with the classes of truth against prediction, each with its cue."""
    image, missed = _picture(axes, reading), _line(axes, hex_of(CLASSES[palette][2]))
    over = axes.imshow(_blank(reading, 4), aspect="auto", interpolation="nearest")
    has_truth, lined = reading.stack.truth is not None, CUES[palette][2] == "line"

    def show(index: int) -> None:
        truth, predicted = reading.truth(index), reading.cut(reading.mask, index)
        image.set_data(reading.cut(reading.stack.image, index))
        over.set_data(painted(truth if has_truth else None, predicted, palette))
        if lined:
            missed.set_data(*outline(truth & ~predicted))

    return show, [image, over, missed]


def anomaly(axes: Axes, reading: Reading, _: Classes) -> Shown:
    """The map over its whole range, brain and truth outlined; black where a mask may not be."""
    image = axes.imshow(_blank(reading, 3), aspect="auto", interpolation="nearest")
    border, truth = _line(axes, BRAIN), _line(axes, TRUTH)

    def show(index: int) -> None:
        brain = reading.cut(reading.stack.brain, index)
        share = reading.cut(reading.anomaly.values, index) / reading.anomaly.high
        heat = colormaps["inferno"](share, bytes=True)
        if reading.view.readout.brain_only:
            heat[~brain] = (0, 0, 0, 255)
        image.set_data(heat)
        border.set_data(*outline(brain))
        truth.set_data(*outline(reading.truth(index)))

    return show, [image, border, truth]


PANELS: dict[PanelName, tuple[str, Callable[[Axes, Reading, Classes], Shown]]] = {
    "scan": ("Scan and truth", scan),
    "classes": ("Prediction against truth", classes),
    "map": ("Anomaly map", anomaly),
}


def painted(truth: MaskArray | None, predicted: MaskArray, palette: Classes) -> ByteArray:
    """The classes as colours with their opacity, (H, W, 4), without those that are outlined.

    With rings around what was missed entirely.

    >>> yes, no = np.array([[True]]), np.array([[False]])
    >>> painted(yes, yes, "safe").tolist(), painted(yes, no, "safe").tolist()
    ([[[0, 158, 115, 140]]], [[[0, 0, 0, 0]]])
    """
    colours, opacity = overlay(truth, predicted, palette, outlines=False)
    picture = np.dstack([colours, (255 * opacity).astype(np.uint8)])
    if truth is not None:
        picture[rings(truth, predicted)] = 255
    return picture


def outline(mask: MaskArray) -> tuple[FloatArray, FloatArray]:
    """Columns and rows of the border of a mask (H, W), NaN between its pieces.

    Pixel centres lie at whole numbers.

    >>> x, y = outline(np.array([[True]]))
    >>> x.tolist()[:2], y.tolist()[:2], len(x)
    ([-0.5, 0.5], [-0.5, -0.5], 12)
    """
    padded = np.pad(mask, 1)
    y, x = np.nonzero(padded[1:] != padded[:-1])  # sides between two rows
    v, u = np.nonzero(padded[:, 1:] != padded[:, :-1])  # sides between two columns
    gap, ugap = np.full(len(x), np.nan), np.full(len(u), np.nan)
    columns = np.concatenate(
        [np.stack([x - 1.5, x - 0.5, gap]), np.stack([u - 0.5, u - 0.5, ugap])], 1
    )
    rows = np.concatenate(
        [np.stack([y - 0.5, y - 0.5, gap]), np.stack([v - 1.5, v - 0.5, ugap])], 1
    )
    return columns.T.ravel(), rows.T.ravel()


def hex_of(colour: Rgb) -> str:
    """A colour as Matplotlib reads it.

    >>> hex_of((0, 158, 115))
    '#009e73'
    """
    return f"#{bytes(colour).hex()}"


def _picture(axes: Axes, reading: Reading) -> AxesImage:
    looks: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "bicubic"}
    return axes.imshow(_blank(reading, 1)[..., 0], aspect="auto", **looks)


def _line(axes: Axes, colour: str) -> Line2D:
    looks: dict[str, Any] = {"linewidth": 1.2, "solid_capstyle": "projecting", "path_effects": HALO}
    return axes.plot([], [], color=colour, **looks)[0]


def _blank(reading: Reading, channels: int) -> ByteArray:
    rows, columns = (side.stop - side.start for side in reading.frame)
    return np.zeros((rows, columns, channels), np.uint8)
