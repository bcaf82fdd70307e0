"""The panels of Figures 4 and 5: picture, words, place in the grid, and as Plotly draws them."""

import html
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from zsad_core.base.overlay import OPACITY, over
from zsad_core.base.palette import CLASSES, LABELS, Classes
from zsad_core.inference.thumbnails import as_address, classes
from zsad_core.metrics.dice import dice_per_slice
from zsad_core.report.chart_looks import finished
from zsad_core.report.samples import SamplePictures
from zsad_core.report.selection import ConfigurationName
from zsad_core.types import ByteArray

SIDE = 260  # pixels of a panel in a page
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
    yellow = np.full((*pictures.shape, 3), YELLOW, np.uint8)
    panels = tuple(
        Panel(index, over(image, yellow, OPACITY * truth), "")
        for index, (image, truth) in enumerate(zip(pictures.image, pictures.truth, strict=True))
    )
    names = tuple(
        f"({letter}) {sample_slice.side}, depth {sample_slice.depth:+.2f}"
        for letter, sample_slice in zip("ab", pictures.sample.slices, strict=False)
    )
    return PanelGrid(("",), names, (panels,), pictures.shape)


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


def chart(grid: PanelGrid, aspect: float, legend: bool) -> go.Figure:
    """Panels with their names; `aspect` is the height of a pixel over its width."""
    figure = make_subplots(
        rows=len(grid.rows),
        cols=len(grid.columns),
        column_titles=[html.escape(name) for name in grid.columns],
        row_titles=[html.escape(name) for name in grid.rows],
        horizontal_spacing=0.01,
        vertical_spacing=0.25 / max(len(grid.rows), 2),
    )
    for row, panels in enumerate(grid.panels, 1):
        for column, panel in enumerate(panels, 1):
            if panel is not None:
                _draw(figure, panel, row, column)
    if legend:
        for kind, colour in zip(LABELS.values(), CLASSES["classic"][:3], strict=False):
            marker = {"color": f"rgb{colour}", "symbol": "square", "size": 12}
            figure.add_scatter(x=[None], y=[None], mode="markers", name=kind, marker=marker)
    figure.update_xaxes(showticklabels=False, showgrid=False, constrain="domain")
    figure.update_yaxes(showticklabels=False, showgrid=False, scaleratio=aspect)
    return finished(figure, 130 + SIDE * len(grid.rows))


def _panel(
    pictures: SamplePictures, pair: ConfigurationName, index: int, palette: Classes
) -> Panel:
    if pair not in pictures.masks:
        return Panel(index, None, NOT_DRAWN, pair)
    truth, predicted = pictures.truth[index], pictures.masks[pair][index]
    value = pictures.sample.configurations[pair]["threshold_value"]
    words = f"Dice {dice_per_slice(truth[None], predicted[None])[0]:.2f}, threshold {value:.3g}"
    return Panel(index, classes(pictures.image[index], truth, predicted, palette), words, pair)


def _draw(figure: go.Figure, panel: Panel, row: int, column: int) -> None:
    if panel.picture is None:
        figure.add_annotation(text=panel.words, showarrow=False, row=row, col=column)
        return
    source = as_address(panel.picture)
    figure.add_image(source=source, hoverinfo="skip", row=row, col=column)
    figure.update_xaxes(title=panel.words, row=row, col=column)
