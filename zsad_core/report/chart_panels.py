"""Figures 4 and 5 as Plotly draws them."""

import html

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from zsad_core.base.palette import CLASSES, LABELS
from zsad_core.inference import thumbnails
from zsad_core.report.chart_looks import finished
from zsad_core.report.panels import Panel, PanelGrid

SIDE = 260  # pixels of a panel


def of_grid(grid: PanelGrid, aspect: float, legend: bool) -> go.Figure:
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
            figure.add_trace(
                go.Scatter(x=[None], y=[None], mode="markers", name=kind, marker=marker)
            )
    figure.update_xaxes(showticklabels=False, showgrid=False, constrain="domain")
    figure.update_yaxes(showticklabels=False, showgrid=False, scaleratio=aspect)
    return finished(figure, 130 + SIDE * len(grid.rows))


def _draw(figure: go.Figure, panel: Panel, row: int, column: int) -> None:
    if panel.picture is None:
        figure.add_annotation(text=panel.words, showarrow=False, row=row, col=column)
        return
    image = go.Image(source=thumbnails.as_address(panel.picture), hoverinfo="skip")
    figure.add_trace(image, row=row, col=column)
    figure.update_xaxes(title=panel.words, row=row, col=column)
