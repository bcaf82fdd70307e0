"""Figure 3: its panels, and Dice against depth as Plotly draws it, of subjects or of one by slice.

No colour of text or ground is set, so that a light or a dark theme shines through.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray
from plotly.basedatatypes import BaseTraceType
from plotly.colors import hex_to_rgb
from plotly.subplots import make_subplots

from zsad_core.base.palette import Style, styles
from zsad_core.metrics.depth import DepthCurve
from zsad_core.report.chart_looks import bracketed, finished
from zsad_core.report.measures import Curves
from zsad_core.types import FloatArray, MaskArray

YELLOW = "rgba(240, 228, 66, 0.35)"
RIM = {"color": "white", "width": 1}  # parts a marker from the bars on a dark ground
DEPTH = "Normalised depth (-1 inferior, 0 centre, +1 superior)"
BARS = "slices with lesion"


@dataclass(frozen=True)
class DepthPanel:
    """A setup's series, each with its style; `bars` is the curve with the most lesion slices."""

    title: str
    bars: DepthCurve
    series: dict[str, tuple[DepthCurve, Style]]


def depth_panels(
    curves: Curves, setups: Sequence[str], series: Sequence[str] = ()
) -> list[DepthPanel]:
    """A panel a setup with a curve, styles by `series` or name; ValueError without one."""
    styles_by_series = styles(list(series) or sorted({name for _, name in curves}))
    panels = []
    for setup in [setup for setup in setups if any(setup == name for name, _ in curves)]:
        in_panel = {
            name: (curve, styles_by_series[name])
            for (curve_setup, name), curve in curves.items()
            if curve_setup == setup
        }
        setup_curves = [curve for curve, _ in in_panel.values()]
        bars = max(setup_curves, key=lambda curve: int(curve.lesion_slices.sum()))
        panels.append(DepthPanel(setup, bars, in_panel))
    if not panels:
        raise ValueError("a depth figure needs at least one curve")
    return panels


def by_depth(curves: Curves, setups: Sequence[str], series: Sequence[str] = ()) -> go.Figure:
    """Mean 2D Dice over depth, one panel for each setup with a curve, lesion slices as bars behind.

    A band of the line's colour is the interval of its means, where there is one.
    Colours follow the order of `series`, by default by name, so that each keeps its colour while
    others are computed. A point's customdata is [slices counted, slices with lesion, series]; a
    bar's has "" for the series. Raises ValueError without a curve.
    """
    panels = depth_panels(curves, setups, series)
    traces, columns, secondary, most = list[BaseTraceType](), list[int](), list[bool](), 1
    for column, panel in enumerate(panels, 1):
        bars = panel.bars
        heights, width = bars.lesion_slices, 2 / len(bars.centres)
        panel_traces = [_bars(bars.centres, heights, width, _rows(bars.slices, heights, ""))]
        panel_traces += [
            _band(name, curve, style[0])
            for name, (curve, style) in panel.series.items()
            if np.isfinite(curve.low).any()
        ]
        for name, (curve, style) in panel.series.items():
            customdata = _rows(curve.slices, curve.lesion_slices, name)
            line = _line(name, curve.centres, curve.dice, style)
            ends = bracketed(curve.low, curve.high)
            panel_traces.append(line.update(customdata=customdata, text=ends, hovertemplate=HOVER))
            most = max(most, int(curve.lesion_slices.max()))
        for trace in panel_traces:
            trace.showlegend = trace.name not in {None, *(earlier.name for earlier in traces)}
        traces += panel_traces
        columns += [column] * len(panel_traces)
        secondary += [False] + [True] * (len(panel_traces) - 1)
    figure = _panels([panel.title for panel in panels], "Mean 2D Dice")
    figure.add_traces(traces, rows=[1] * len(traces), cols=columns, secondary_ys=secondary)
    steps = {"range": [0, 1.05 * most], "dtick": max(most // 5, 1)}
    figure.update_yaxes(**steps, secondary_y=False)
    last = {"title": "Slices with lesion", "showticklabels": True}
    figure.update_yaxes(**last, col=len(panels), secondary_y=False)
    return finished(figure, 460)


HOVER = "Dice %{y:.3f}%{text} over %{customdata[0]} slices<br>%{customdata[1]} slices with lesion"


def by_slice(
    depth: FloatArray, dice: dict[str, FloatArray], lesion: MaskArray, series: Sequence[str] = ()
) -> go.Figure:
    """Dice of every slice of one subject over its depth; all arrays are (S,).

    Slices of NaN depth are left out and NaN Dice leaves a gap. Customdata is the slice index, the
    series ("" for a bar) and the slice's number from 1. Colours are as in `by_depth`.
    """
    indices, lesion_indices = map(np.flatnonzero, (np.isfinite(depth), lesion & np.isfinite(depth)))
    step = float(np.diff(depth[indices]).min()) if len(indices) > 1 else 2.0
    customdata = _rows(lesion_indices, "", lesion_indices + 1)
    bars = _bars(depth[lesion_indices], np.ones(len(lesion_indices)), step, customdata)
    traces = [bars.update(hovertemplate="slice %{customdata[2]} has lesion<extra></extra>")]
    styles_by_series = styles(list(series or dice))
    for name, values in dice.items():
        line = _line(name, depth[indices], values[indices], styles_by_series[name])
        hover = "slice %{customdata[2]}: Dice %{y:.3f}"
        customdata = _rows(indices, name, indices + 1)
        traces.append(line.update(customdata=customdata, hovertemplate=hover))
    figure = _panels([""], "2D Dice")
    ones = [1] * len(traces)
    figure.add_traces(traces, rows=ones, cols=ones, secondary_ys=[False] + [True] * len(dice))
    figure.update_yaxes(visible=False, range=[0, 1], secondary_y=False)
    return finished(figure, 460)


def _panels(titles: list[str], title: str) -> go.Figure:
    """Empty panels over depth; Plotly draws the second axis last, so the lines are on it."""
    figure = make_subplots(
        cols=len(titles),
        subplot_titles=[html.escape(name) for name in titles],
        specs=[[{"secondary_y": True}] * len(titles)],
        horizontal_spacing=0.15 / max(len(titles), 2),
    )
    single = len(titles) == 1
    figure.update_xaxes(
        range=[-1.04, 1.04], title=DEPTH if single else "Depth", dtick=0.25 if single else 0.5
    )
    bars = {"range": [0, 1], "side": "right", "showgrid": False, "showticklabels": False}
    dice = {"range": [-0.02, 1.02], "side": "left", "dtick": 0.2, "tick0": 0, "tickmode": "linear"}
    figure.update_yaxes(**bars, secondary_y=False)
    figure.update_yaxes(**dice, secondary_y=True)
    figure.update_yaxes(title=title, col=1, secondary_y=True)
    return figure.update_layout(bargap=0)


def _bars(
    depth: FloatArray, heights: NDArray[np.generic], width: float, customdata: list[list[object]]
) -> go.Bar:
    return go.Bar(
        x=depth,
        y=heights,
        width=width,
        name=BARS,
        marker={"color": YELLOW, "line": {"width": 0}},
        customdata=customdata,
        hovertemplate="%{y} slices with lesion<extra></extra>",
    )


def _band(name: str, curve: DepthCurve, colour: str) -> go.Scatter:
    """The intervals of neighbouring bins as areas, that of a bin alone as a stroke."""
    x, y = list[float | None](), list[float | None]()
    there = np.flatnonzero(np.isfinite(curve.low))
    for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1):
        x += [*curve.centres[run], *curve.centres[run][::-1], None]
        y += [*curve.low[run], *curve.high[run][::-1], None]
    return go.Scatter(
        x=x,
        y=y,
        legendgroup=name,
        mode="lines",
        fill="toself",
        fillcolor=_rgba(colour, 0.25),
        line={"color": _rgba(colour, 0.5), "width": 1},
        hoverinfo="skip",
    )


def _rgba(colour: str, opacity: float) -> str:
    return f"rgba{(*hex_to_rgb(colour), opacity)}"


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
    arrays = np.broadcast_arrays(*(np.asarray(column, object) for column in columns))
    return np.stack(arrays, axis=1).tolist()
