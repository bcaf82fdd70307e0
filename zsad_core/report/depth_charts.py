"""Figure 3 as Plotly draws it: Dice against depth, over subjects by setup, or of one by slice.

No colour of text or ground is set, so that a light or a dark theme shines through.
"""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.basedatatypes import BaseTraceType
from plotly.subplots import make_subplots

from zsad_core.base.palette import Style, styles
from zsad_core.report.chart_looks import finished
from zsad_core.report.depth_panels import depth_panels
from zsad_core.report.measures import Curves
from zsad_core.types import FloatArray, MaskArray

YELLOW = "rgba(240, 228, 66, 0.35)"
RIM = {"color": "white", "width": 1}  # parts a marker from the bars on a dark ground
DEPTH = "Normalised depth (-1 inferior, 0 centre, +1 superior)"
BARS = "slices with lesion"


def by_depth(curves: Curves, setups: Sequence[str], lines: Sequence[str] = ()) -> go.Figure:
    """Mean 2D Dice over depth, one panel a setup, lesion slices as bars behind.

    Colours follow the place in `lines`, by default all lines by name, so that a line keeps its own
    while others are computed. A point's customdata is [slices counted, slices with lesion, line]; a
    bar's has "" for the line. Raises ValueError without a curve.
    """
    panels = depth_panels(curves, setups, lines)
    traces, columns, right, most = list[BaseTraceType](), list[int](), list[bool](), 1
    for column, panel in enumerate(panels, 1):
        bars = panel.bars
        heights, width = bars.lesion_slices, 2 / len(bars.centres)
        drawn = [_bars(bars.centres, heights, width, _rows(bars.slices, heights, ""))]
        for name, (curve, style) in panel.lines.items():
            told = _rows(curve.slices, curve.lesion_slices, name)
            line = _line(name, curve.centres, curve.dice, style)
            drawn.append(line.update(customdata=told, hovertemplate=HOVER))
            most = max(most, int(curve.lesion_slices.max()))
        for trace in drawn:
            trace.showlegend = trace.name not in {one.name for one in traces}
        traces += drawn
        columns += [column] * len(drawn)
        right += [False] + [True] * len(panel.lines)
    figure = _sheet([panel.title for panel in panels], "Mean 2D Dice")
    figure.add_traces(traces, rows=[1] * len(traces), cols=columns, secondary_ys=right)
    steps = {"range": [0, 1.05 * most], "dtick": max(most // 5, 1)}
    figure.update_yaxes(**steps, secondary_y=False)
    last = {"title": "Slices with lesion", "showticklabels": True}
    figure.update_yaxes(**last, col=len(panels), secondary_y=False)
    return finished(figure, 460)


HOVER = "Dice %{y:.3f} over %{customdata[0]} slices<br>%{customdata[1]} slices with lesion"


def by_slice(
    depth: FloatArray, dice: dict[str, FloatArray], lesion: MaskArray, lines: Sequence[str] = ()
) -> go.Figure:
    """Dice of every slice of one subject over its depth; all arrays are (S,).

    Slices of NaN depth are left out and NaN Dice leaves a gap. Customdata is the slice index, the
    line's name ("" for a bar) and the slice's number from 1. Colours are as in `by_depth`.
    """
    shown, barred = np.flatnonzero(np.isfinite(depth)), np.flatnonzero(lesion & np.isfinite(depth))
    step = float(np.diff(depth[shown]).min()) if len(shown) > 1 else 2.0
    bars = _bars(depth[barred], np.ones(len(barred)), step, _rows(barred, "", barred + 1))
    traces = [bars.update(hovertemplate="slice %{customdata[2]} has lesion<extra></extra>")]
    looks = styles(list(lines or dice))
    for name, values in dice.items():
        line = _line(name, depth[shown], values[shown], looks[name])
        hover = "slice %{customdata[2]}: Dice %{y:.3f}"
        traces.append(line.update(customdata=_rows(shown, name, shown + 1), hovertemplate=hover))
    figure = _sheet([""], "2D Dice")
    ones = [1] * len(traces)
    figure.add_traces(traces, rows=ones, cols=ones, secondary_ys=[False] + [True] * len(dice))
    figure.update_yaxes(visible=False, range=[0, 1], secondary_y=False)
    return finished(figure, 460)


def _sheet(titles: list[str], left: str) -> go.Figure:
    """Empty panels over depth; Plotly draws the second axis last, so the lines are on it."""
    figure = make_subplots(
        cols=len(titles),
        subplot_titles=[html.escape(one) for one in titles],
        specs=[[{"secondary_y": True}] * len(titles)],
        horizontal_spacing=0.15 / max(len(titles), 2),
    )
    alone = len(titles) == 1
    figure.update_xaxes(
        range=[-1.04, 1.04], title=DEPTH if alone else "Depth", dtick=0.25 if alone else 0.5
    )
    bars = {"range": [0, 1], "side": "right", "showgrid": False, "showticklabels": False}
    dice = {"range": [-0.02, 1.02], "side": "left", "dtick": 0.2, "tick0": 0, "tickmode": "linear"}
    figure.update_yaxes(**bars, secondary_y=False)
    figure.update_yaxes(**dice, secondary_y=True)
    figure.update_yaxes(title=left, col=1, secondary_y=True)
    return figure.update_layout(bargap=0)


def _bars(
    depth: FloatArray, heights: NDArray[np.generic], width: float, told: list[list[object]]
) -> go.Bar:
    return go.Bar(
        x=depth,
        y=heights,
        width=width,
        name=BARS,
        marker={"color": YELLOW, "line": {"width": 0}},
        customdata=told,
        hovertemplate="%{y} slices with lesion<extra></extra>",
    )


def _line(name: str, depth: FloatArray, dice: FloatArray, style: Style) -> go.Scatter:
    colour, dash, symbol = style
    return go.Scatter(
        x=depth,
        y=dice,
        name=html.escape(name),
        legendgroup=name,
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": dash},
        marker={"color": colour, "size": 8, "symbol": symbol, "line": RIM},
    )


def _rows(*columns: ArrayLike) -> list[list[object]]:
    """Customdata of plain Python values; a text is repeated in every row."""
    lists = [one if isinstance(one, str) else np.asarray(one).tolist() for one in columns]
    size = max(len(one) for one in lists if not isinstance(one, str))
    return [[one if isinstance(one, str) else one[i] for one in lists] for i in range(size)]
