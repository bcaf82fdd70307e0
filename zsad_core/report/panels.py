"""The panels of Figures 4 and 5, whoever draws them: picture, words, place in the grid."""

from dataclasses import dataclass

import numpy as np

from zsad_core.base.overlay import OPACITY, over
from zsad_core.base.palette import Classes
from zsad_core.inference.thumbnails import classes
from zsad_core.metrics.dice import dice_per_slice
from zsad_core.report.samples import SamplePictures
from zsad_core.report.selection import ConfigurationName
from zsad_core.types import ByteArray

YELLOW = (240, 228, 66)
NOT_DRAWN = "not drawn"


@dataclass(frozen=True)
class Panel:
    """A picture (H, W, 3) with the words under it; `index` is that of its slice in the sample.

    `pair` is the configuration it shows, None for the truth. Without a picture the words give the
    reason.
    """

    index: int
    picture: ByteArray | None
    words: str
    pair: ConfigurationName | None = None


@dataclass(frozen=True)
class PanelGrid:
    """Panels by row and column, None where there is none; `shape` is theirs, (H, W)."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    panels: tuple[tuple[Panel | None, ...], ...]
    shape: tuple[int, int]


def truth_panels(pictures: SamplePictures) -> PanelGrid:
    """Figure 4: each slice with the truth in yellow, named such as (a) inferior, depth -0.40."""
    panels = []
    for index, (image, truth) in enumerate(zip(pictures.image, pictures.truth, strict=True)):
        yellow = np.broadcast_to(np.array(YELLOW, np.uint8), (*truth.shape, 3))
        panels.append(Panel(index, over(image, yellow, OPACITY * truth), ""))
    names = tuple(
        f"({letter}) {sample_slice.side}, depth {sample_slice.depth:+.2f}"
        for letter, sample_slice in zip("ab", pictures.sample.slices, strict=False)
    )
    return PanelGrid(("",), names, (tuple(panels),), pictures.shape)


def prediction_panels(pictures: SamplePictures, palette: Classes = "classic") -> PanelGrid:
    """Figure 5: a row for each series, for each setup a column of each slice."""
    pairs = pictures.sample.configurations
    setups, names = (list(dict.fromkeys(pair[i] for pair in pairs)) for i in (0, 1))
    slices = pictures.sample.slices
    columns = tuple(f"{setup}, {sample_slice.side}" for setup in setups for sample_slice in slices)
    panels = tuple(
        tuple(
            _panel(pictures, (setup, series), index, palette) if (setup, series) in pairs else None
            for setup in setups
            for index in range(len(slices))
        )
        for series in sorted(names)
    )
    return PanelGrid(tuple(sorted(names)), columns, panels, pictures.shape)


def _panel(
    pictures: SamplePictures, pair: ConfigurationName, index: int, palette: Classes
) -> Panel:
    if pair not in pictures.masks:
        return Panel(index, None, NOT_DRAWN, pair)
    truth, predicted = pictures.truth[index], pictures.masks[pair][index]
    value = pictures.sample.configurations[pair]["threshold_value"]
    words = f"Dice {dice_per_slice(truth[None], predicted[None])[0]:.2f}, threshold {value:.3g}"
    return Panel(index, classes(pictures.image[index], truth, predicted, palette), words, pair)
