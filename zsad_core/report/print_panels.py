"""Figures 4 and 5 as Matplotlib draws them."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from zsad_core.base.palette import CLASSES, LABELS
from zsad_core.report.panels import Panel, PanelGrid
from zsad_core.report.prints import panels_of

NAME = 0.4  # inches of what stands beside a panel
NARROW = 5.0  # inches that a caption needs


def of_grid(grid: PanelGrid, aspect: float, legend: bool, side: float) -> Figure:
    """Panels `side` inches high with their names; `aspect` is a pixel's height over its width."""
    height, width = grid.shape
    size = (max(side * width / (height * aspect) + 0.15, NARROW / len(grid.columns)), side + NAME)
    figure, axes = panels_of(len(grid.columns), len(grid.rows), size)
    for number, axis in enumerate(axes):
        row, column = divmod(number, len(grid.columns))
        _draw(axis, grid.panels[row][column], aspect)
        if row == 0:
            axis.set_title(grid.columns[column], fontsize=8)
        if column == 0:
            axis.set_ylabel(grid.rows[row], fontsize=8)
    if legend:
        patches = [
            Patch(color=[channel / 255 for channel in colour], label=kind)
            for kind, colour in zip(LABELS.values(), CLASSES["classic"][:3], strict=False)
        ]
        figure.legend(
            handles=patches, loc="outside upper center", ncols=3, frameon=False, fontsize=8
        )
    return figure


def _draw(axis: Axes, panel: Panel | None, aspect: float) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    if panel is None:
        return
    if panel.picture is not None:
        axis.imshow(panel.picture, aspect=aspect, interpolation="none")
        axis.set_xlabel(panel.words, fontsize=7)
    else:
        axis.text(0.5, 0.5, panel.words, ha="center", va="center", fontsize=8)
