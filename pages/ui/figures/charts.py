"""Charts as figures that know nothing of the app, and what they share.

No colour of text or ground is set, so that a light or a dark theme shines through.
"""

import html
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

ABNORMAL, NORMAL = "#D55E00", "#0072B2"
GREY = "rgba(128, 128, 128, 0.3)"


def text_pull_figure(labels: Sequence[str], values: Sequence[float]) -> go.Figure:
    """How far each text pulls the map: bars to the left and right of 0, the strongest on top."""
    if len(labels) != len(values):
        raise ValueError(f"{len(labels)} labels and {len(values)} values do not pair up")
    order = np.argsort(np.asarray(values, float), kind="stable")
    sorted_values = [float(values[i]) for i in order]
    rows = list(range(len(order)))
    names = [html.escape(short(labels[i], 60)) for i in order]
    bar = go.Bar(
        x=sorted_values,
        y=rows,
        orientation="h",
        marker_color=[ABNORMAL if value > 0 else NORMAL for value in sorted_values],
        customdata=[[html.escape(labels[i])] for i in order],
        hovertemplate="%{customdata[0]}: %{x:+.4f}<extra></extra>",
    )
    return styled(
        go.Figure(bar),
        height=110 + 30 * len(rows),
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


def styled(figure: go.Figure, height: int, **layout: object) -> go.Figure:
    """The layout that every figure shares, and this one's own.

    Sizes are set one by one, since a theme's template sets its own, smaller ones.
    """
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "font": {"size": 14}},
        hoverlabel_font_size=14,
        **layout,
    )
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(tickfont={"size": 14}, title_font={"size": 15})
    return figure


def short(text: str, most: int) -> str:
    """The text, cut at so many letters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
