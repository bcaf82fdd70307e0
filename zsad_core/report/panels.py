"""The panels of Figures 4 and 5, whoever draws them: picture, words, place in the grid."""

from dataclasses import dataclass

import numpy as np

from zsad_core.base.overlay import OPACITY, over
from zsad_core.base.palette import Classes
from zsad_core.inference.thumbnails import classes
from zsad_core.metrics.dice import dice_per_slice
from zsad_core.report.samples import Pair, Pictures
from zsad_core.types import ByteArray

YELLOW = (240, 228, 66)
NOT_DRAWN = "not drawn"


@dataclass(frozen=True)
class Panel:
    """A picture (H, W, 3) with the words under it, of a slice of `sample.places`.

    `pair` is the run it shows, None for the truth; without a picture the words say so.
    """

    place: int
    picture: ByteArray | None
    words: str
    pair: Pair | None = None


@dataclass(frozen=True)
class Grid:
    """Panels by row and column, None where there is no such run; the names of both, (H, W)."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    panels: tuple[tuple[Panel | None, ...], ...]
    shape: tuple[int, int]


def truth_panels(found: Pictures) -> Grid:
    """Figure 4: each slice with the whole tumour in yellow."""
    panels = []
    for place, (image, truth) in enumerate(zip(found.image, found.truth, strict=True)):
        yellow = np.broadcast_to(np.array(YELLOW, np.uint8), (*truth.shape, 3))
        panels.append(Panel(place, over(image, yellow, OPACITY * truth), ""))
    return Grid(("",), tuple(slice_names(found)), (tuple(panels),), found.shape)


def run_panels(found: Pictures, palette: Classes = "classic") -> Grid:
    """Figure 5: a row for each line, for each setup a column of each slice."""
    runs = found.sample.runs
    setups, lines = (list(dict.fromkeys(pair[i] for pair in runs)) for i in (0, 1))
    columns = tuple(f"{setup}, {one.side}" for setup in setups for one in found.sample.places)
    panels = tuple(
        tuple(
            _panel(found, (setup, line), place, palette) if (setup, line) in runs else None
            for setup in setups
            for place in range(len(found.sample.places))
        )
        for line in sorted(lines)
    )
    return Grid(tuple(sorted(lines)), columns, panels, found.shape)


def slice_names(found: Pictures) -> list[str]:
    """The slices as a figure names them: (a) inferior, depth -0.40."""
    return [
        f"({'ab'[i]}) {one.side}, depth {one.depth:+.2f}"
        for i, one in enumerate(found.sample.places)
    ]


def _panel(found: Pictures, pair: Pair, place: int, palette: Classes) -> Panel:
    if pair not in found.masks:
        return Panel(place, None, NOT_DRAWN, pair)
    truth, predicted = found.truth[place], found.masks[pair][place]
    value = found.sample.runs[pair]["threshold_value"]
    words = f"Dice {dice_per_slice(truth[None], predicted[None])[0]:.2f}, threshold {value:.3g}"
    return Panel(place, classes(found.image[place], truth, predicted, palette), words, pair)
