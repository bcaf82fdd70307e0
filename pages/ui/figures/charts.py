"""Charts as figures that know nothing of the app: bars of lesion slices behind lines of Dice.

No colour of text or ground is set, so that a light or a dark theme shines through.
"""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from zsad_core.base.palette import Style, styles
from zsad_core.metrics.depth import DepthCurve
from zsad_core.types import FloatArray, MaskArray

ABNORMAL, NORMAL = "#D55E00", "#0072B2"
YELLOW, GREY = "rgba(240, 228, 66, 0.25)", "rgba(128, 128, 128, 0.3)"
RIM = {"color": "white", "width": 1}  # parts a marker from the bars on a dark ground
DEPTH = "Normalised depth (-1 inferior, 0 centre, +1 superior)"
BARS = "slices with lesion"


def depth_figure(curves: dict[str, DepthCurve], lines: Sequence[str] = ()) -> go.Figure:
    """Mean 2D Dice of each line over depth, lesion slices as bars behind (the paper's Figure 3).

    The keys name the lines; all curves have the same bins. Colours follow the place in `lines`, or
    else in the curves, so that a line keeps its own while others are computed. The bars are those
    of the curve with the most slices with lesion, where the lines cover different subjects.
    A point's customdata is its slices counted, its lesion slices and its line's name; a bar's is
    the same with "" for the name. Raises ValueError without a curve.
    """
    if not curves:
        raise ValueError("a depth figure needs at least one curve")
    widest = max(curves.values(), key=lambda curve: int(curve.lesion_slices.sum()))
    figure = _sheet("Mean 2D Dice", "Slices with lesion")
    data = _rows(widest.slices, widest.lesion_slices, "")
    figure.add_trace(_bars(widest.centres, widest.lesion_slices, 2 / len(widest.centres), data))
    hover = "Dice %{y:.3f} over %{customdata[0]} slices<br>%{customdata[1]} slices with lesion"
    looks = styles(list(lines or curves))
    for name, curve in curves.items():
        data = _rows(curve.slices, curve.lesion_slices, name)
        line = _line(name, (curve.centres, curve.dice), looks[name])
        figure.add_trace(line.update(customdata=data, hovertemplate=hover))
    most = int(widest.lesion_slices.max())
    figure.update_layout(yaxis={"range": [0, max(most, 1) * 1.05], "dtick": max(most // 5, 1)})
    return legible(figure)


def slice_figure(
    depth: FloatArray, dice: dict[str, FloatArray], lesion: MaskArray, lines: Sequence[str] = ()
) -> go.Figure:
    """Dice of every slice of one subject over its depth; all arrays are (S,).

    Slices of NaN depth are left out and NaN Dice leaves a gap. Customdata is the slice index,
    the line's name ("" for a bar) and the slice's number from 1; a click can open the slice.
    Colours are as in `depth_figure`.
    """
    shown = np.flatnonzero(np.isfinite(depth))
    figure = _sheet("2D Dice", "")
    barred = np.flatnonzero(lesion & np.isfinite(depth))
    step = float(np.diff(depth[shown]).min()) if len(shown) > 1 else 2.0
    bars = _bars(depth[barred], np.ones(len(barred)), step, _rows(barred, "", barred + 1))
    figure.add_trace(bars.update(hovertemplate="slice %{customdata[2]} has lesion<extra></extra>"))
    looks = styles(list(lines or dice))
    for name, values in dice.items():
        line = _line(name, (depth[shown], values[shown]), looks[name])
        hover = "slice %{customdata[2]}: Dice %{y:.3f}"
        figure.add_trace(line.update(customdata=_rows(shown, name, shown + 1), hovertemplate=hover))
    figure.update_layout(yaxis={"visible": False, "range": [0, 1]})
    return legible(figure)


def text_pull_figure(labels: Sequence[str], values: Sequence[float]) -> go.Figure:
    """How far each text pulls the map: bars to the left and right of 0, the strongest on top."""
    if len(labels) != len(values):
        raise ValueError(f"{len(labels)} labels and {len(values)} values do not pair up")
    order = np.argsort(np.asarray(values, float), kind="stable")
    sorted_values = [float(values[i]) for i in order]
    rows = list(range(len(order)))
    bar = go.Bar(
        x=sorted_values,
        y=rows,
        orientation="h",
        marker_color=[ABNORMAL if value > 0 else NORMAL for value in sorted_values],
        customdata=_rows([html.escape(labels[i]) for i in order]),
        hovertemplate="%{customdata[0]}: %{x:+.4f}<extra></extra>",
    )
    names = [html.escape(_short(labels[i])) for i in order]
    figure = go.Figure(bar)
    figure.update_layout(
        **look(height=110 + 30 * len(rows)),
        xaxis={
            "title": {"text": "Pull on the mean (← normal, abnormal →)"},
            "tickformat": "~g",  # a small pull as 0.0002, not as 200µ
            "nticks": 5,
            "gridcolor": GREY,
            "zeroline": True,
            "zerolinecolor": "grey",
            "automargin": True,
        },
        yaxis={"tickvals": rows, "ticktext": names, "automargin": True, "showgrid": False},
    )
    return legible(figure)


def _sheet(left: str, right: str) -> go.Figure:
    """An empty figure over depth; Plotly draws `yaxis2` last, so the lines are on it."""
    figure = go.Figure()
    figure.update_layout(
        **look(height=460),
        xaxis={"title": {"text": DEPTH}, "range": [-1.04, 1.04], "gridcolor": GREY, "dtick": 0.25},
        yaxis={"title": {"text": right}, "side": "right", "showgrid": False, "zeroline": False},
        yaxis2={
            "title": {"text": left},
            "side": "left",
            "overlaying": "y",
            "range": [-0.02, 1.02],
            "tickmode": "linear",  # else its ticks follow those of the bars
            "dtick": 0.2,
            "gridcolor": GREY,
            "zeroline": False,
        },
        bargap=0,
    )
    figure.update_xaxes(zeroline=True, zerolinecolor=GREY, zerolinewidth=2)
    return figure


def look(height: int) -> dict[str, object]:
    """Layout that every figure shares."""
    return {
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }


def legible(figure: go.Figure) -> go.Figure:
    """Sizes set one by one, since a theme's template sets its own, smaller ones."""
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(tickfont={"size": 14}, title_font={"size": 15})
    return figure.update_layout(legend_font_size=14, hoverlabel_font_size=14)


def _line(name: str, points: tuple[FloatArray, FloatArray], style: Style) -> go.Scatter:
    colour, dash, symbol = style
    return go.Scatter(
        x=points[0],
        y=points[1],
        name=html.escape(name),
        yaxis="y2",
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": dash},
        marker={"color": colour, "size": 9, "symbol": symbol, "line": RIM},
    )


def _bars(
    depth: FloatArray, heights: NDArray[np.generic], width: float, data: list[list[object]]
) -> go.Bar:
    return go.Bar(
        x=depth,
        y=heights,
        width=width,
        name=BARS,
        marker={"color": YELLOW, "line": {"width": 0}},
        customdata=data,
        hovertemplate="%{y} slices with lesion<extra></extra>",
    )


def _rows(*columns: object) -> list[list[object]]:
    """Customdata of plain Python values; a text is repeated in every row."""
    arrays = [
        column if isinstance(column, str) else np.asarray(column).tolist() for column in columns
    ]
    size = max(len(array) for array in arrays if not isinstance(array, str))
    return [
        [array if isinstance(array, str) else array[i] for array in arrays] for i in range(size)
    ]


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
