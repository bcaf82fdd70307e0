"""What the Plotly figures share: panels, type and legend."""

import html
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from zsad_core.base.palette import Style, styles
from zsad_core.types import FloatArray

GREY = "rgba(128, 128, 128, 0.3)"
AXIS: dict[str, Any] = {
    "gridcolor": GREY,
    "zeroline": False,
    "tickfont": {"size": 14},
    "automargin": True,
}
LEGEND: dict[str, Any] = {
    "orientation": "h",
    "y": 1,
    "yanchor": "top",
    "x": 0,
    "yref": "container",
    "font": {"size": 14},
}


def names_of(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Setups in their order, series by name."""
    setups = frame["setup"].cat.remove_unused_categories().cat.categories
    return list(setups), sorted(frame["series"].unique())


def looks_of(frame: pd.DataFrame, series: Sequence[str]) -> dict[str, Style]:
    """The style of each series of the frame, one in all figures that are given the same `series`.

    These are the names of all that is chosen, of which a figure may lack some.
    """
    return styles(sorted({*frame["series"], *series}))


def panels_by_setup(
    frame: pd.DataFrame,
    series: Sequence[str],
    scatter: Callable[[pd.DataFrame, Style], dict[str, Any]],
) -> go.Figure:
    """A panel for each setup, with the scatter of each series by its rows and style."""
    setups, _ = names_of(frame)
    looks, named = looks_of(frame, series), set[object]()
    figure = make_subplots(
        cols=len(setups), shared_yaxes=True, subplot_titles=[html.escape(name) for name in setups]
    )
    for (setup, name), rows in frame.groupby(["setup", "series"], observed=True):
        legend = {"name": html.escape(str(name)), "showlegend": name not in named}
        place = {"row": 1, "col": setups.index(str(setup)) + 1, "legendgroup": str(name)}
        figure.add_scatter(**scatter(rows, looks[str(name)]), **legend, **place)
        named.add(name)
    return figure


def error_bars(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> dict[str, Any]:
    """Error bars from low to high of values, all (N,); none where an end is NaN."""
    down, up = bar_lengths(values, low, high)
    return {"type": "data", "array": up, "arrayminus": down}


def bar_lengths(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> FloatArray:
    """Lengths (2, N) of error bars down and up; NaN draws none, rounding past a mean is 0."""
    middle, down, up = (np.asarray(array, float) for array in (values, low, high))
    return np.maximum([middle - down, up - middle], 0)


def bracketed(low: ArrayLike, high: ArrayLike) -> list[str]:
    """Intervals (N,) as what stands behind their means, "" where an end is NaN.

    >>> bracketed([0.25, np.nan], [0.5, np.nan])
    [' [0.250, 0.500]', '']
    """
    ends = zip(np.asarray(low, float), np.asarray(high, float), strict=True)
    return ["" if np.isnan(pair).any() else " [{:.3f}, {:.3f}]".format(*pair) for pair in ends]


def finished(figure: go.Figure, height: int) -> go.Figure:
    """The figure with the margins, legend and type that all share."""
    layout = figure.layout.to_plotly_json()
    for name in [name for name in layout if name[1:5] == "axis"]:
        title = {**layout[name].get("title", {}), "font": {"size": 15}}
        layout[name] = {**layout[name], **AXIS, "title": title}
    figure.layout = {  # at once, as each update of an axis takes milliseconds
        **layout,
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 60, "b": 10},
        "paper_bgcolor": "rgba(0, 0, 0, 0)",
        "plot_bgcolor": "rgba(0, 0, 0, 0)",
        "legend": LEGEND,
        "hoverlabel": {"font": {"size": 14}},
    }
    return figure
