"""Figures 1, 2 and 3 of the paper as Plotly draws them: for the page and as HTML.

No colour of text or ground is set, so that a light or a dark theme shines through. A point's
customdata is [subject, line, setup], where it stands for one subject.
"""

import html
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from zsad_core.depth import DepthCurve
from zsad_core.palette import styles

YELLOW, GREY, RED = "rgba(240, 228, 66, 0.45)", "rgba(128, 128, 128, 0.3)", "#d62728"
Curves = dict[tuple[str, str], DepthCurve]


def by_method(found: pd.DataFrame) -> go.Figure:
    """Figure 1 of `measured` rows: boxes and points of 3D Dice, one panel a setup."""
    setups, lines = _names(found)
    figure = _panels(setups, "3D Dice")
    for line, (colour, _, symbol) in styles(lines).items():
        for place, setup in enumerate(setups, 1):
            part = found[(found["line"] == line) & (found["setup"] == setup)]
            part = part.dropna(subset="dice_3d")
            if part.empty:
                continue
            box = go.Box(
                y=part["dice_3d"],
                x=[html.escape(line)] * len(part),
                name=html.escape(line),
                legendgroup=line,
                showlegend=False,
                boxpoints="all",
                jitter=0.4,
                pointpos=0,
                marker={"color": colour, "symbol": symbol, "size": 5, "opacity": 0.7},
                line={"color": colour},
                customdata=part[["subject", "line", "setup"]].astype(str).to_numpy().tolist(),
                hovertemplate="%{customdata[0]}<br>3D Dice %{y:.3f}<extra></extra>",
            )
            figure.add_trace(box, row=1, col=place)
    return _finished(figure, 460)


def by_subject(found: pd.DataFrame) -> go.Figure:
    """Figure 2 of `measured` rows: boxes of 2D Dice of each subject, 3D Dice as red crosses.

    One panel for each run, subjects in the order of their mean 3D Dice.
    """
    runs = list(found.groupby(["setup", "line"], observed=True))
    names = [html.escape(f"{line} · {setup}") for (setup, line), _ in runs]
    figure = make_subplots(
        rows=len(runs),
        cols=1,
        shared_xaxes=True,
        subplot_titles=names,
        vertical_spacing=min(0.06, 0.9 / max(len(runs) - 1, 1) / 4),
    )
    colours = {line: style[0] for line, style in styles(_names(found)[1]).items()}
    order = subjects_in_order(found)
    for place, ((_, line), part) in enumerate(runs, 1):
        shown = part.set_index("subject").reindex(order).dropna(subset="median").reset_index()
        data = shown[["subject", "line", "setup"]].astype(str).to_numpy().tolist()
        box = go.Box(
            x=shown["subject"],
            **{name: shown[name] for name in ("q1", "median", "q3")},
            lowerfence=shown["low"],
            upperfence=shown["high"],
            name="2D Dice of slices",
            showlegend=False,
            line={"color": colours[str(line)], "width": 1.5},
            hoverinfo="y",
        )
        cross = go.Scatter(
            x=shown["subject"],
            y=shown["dice_3d"],
            mode="markers",
            name="3D Dice",
            showlegend=place == 1,
            marker={
                "color": RED,
                "symbol": "x-thin",
                "size": 9,
                "line": {"color": RED, "width": 2},
            },
            customdata=data,
            hovertemplate="%{customdata[0]}: 3D Dice %{y:.3f}<extra></extra>",
        )
        figure.add_trace(box, row=place, col=1)
        figure.add_trace(cross, row=place, col=1)
    figure.update_yaxes(range=[-0.02, 1.02], title="2D Dice")
    figure.update_xaxes(categoryorder="array", categoryarray=order, tickangle=-60)
    return _finished(figure, 180 + 230 * len(runs))


def by_depth(curves: Curves, setups: list[str]) -> go.Figure:
    """Figure 3: mean 2D Dice over depth, one panel a setup, lesion slices as yellow bars behind."""
    names = sorted({line for _, line in curves})
    figure = make_subplots(
        cols=len(setups),
        subplot_titles=[html.escape(one) for one in setups],
        specs=[[{"secondary_y": True}] * len(setups)],
        horizontal_spacing=0.25 / max(len(setups), 2),
    )
    shown, looks = set[str](), styles(names)
    for place, setup in enumerate(setups, 1):
        here = {line: curve for (of, line), curve in curves.items() if of == setup}
        widest = max(here.values(), key=lambda curve: int(curve.lesion_slices.sum()))
        bars: dict[str, Any] = {"x": widest.centres, "y": widest.lesion_slices}
        bar = go.Bar(
            **bars,
            width=2 / len(widest.centres),
            name="slices with lesion",
            showlegend=place == 1,
            marker={"color": YELLOW, "line": {"width": 0}},
            hovertemplate="%{y} slices with lesion<extra></extra>",
        )
        figure.add_trace(bar, row=1, col=place, secondary_y=False)
        for line, curve in here.items():
            colour, dash, symbol = looks[line]
            trace = go.Scatter(
                x=curve.centres,
                y=curve.dice,
                name=html.escape(line),
                legendgroup=line,
                showlegend=line not in shown,
                line={"color": colour, "dash": dash, "width": 2.5},
                marker={"color": colour, "symbol": symbol, "size": 7},
                mode="lines+markers",
                customdata=curve.slices,
                hovertemplate="Dice %{y:.3f} over %{customdata} slices",
            )
            figure.add_trace(trace, row=1, col=place, secondary_y=True)
            shown.add(line)
    figure.update_xaxes(range=[-1.04, 1.04], title="Depth (-1 inferior, +1 superior)")
    figure.update_yaxes(showgrid=False, side="right", secondary_y=False)
    figure.update_yaxes(range=[-0.02, 1.02], side="left", secondary_y=True)
    figure.update_yaxes(title="Mean 2D Dice", col=1, secondary_y=True)
    figure.update_yaxes(title="Slices with lesion", col=len(setups), secondary_y=False)
    return _finished(figure, 460)


def subjects_in_order(found: pd.DataFrame) -> list[str]:
    """Subjects with a Dice, the one with the lowest mean 3D Dice first."""
    known = found.dropna(subset="median")
    means = known.groupby("subject")["dice_3d"].mean()
    return means.sort_values(kind="stable").index.tolist()


def plotly_code() -> str:
    """Plotly's own script, for pages that open offline."""
    return str(get_plotlyjs())


def _names(found: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Setups in their order, lines by name."""
    there = set(found["setup"])
    return [one for one in found["setup"].cat.categories if one in there], sorted(
        set(found["line"])
    )


def _panels(setups: list[str], title: str) -> go.Figure:
    titles = [html.escape(one) for one in setups]
    figure = make_subplots(cols=len(setups), shared_yaxes=True, subplot_titles=titles)
    figure.update_yaxes(range=[-0.02, 1.02])
    return figure.update_yaxes(title=title, col=1)


def _finished(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 60, "b": 10},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "yref": "container"},
        legend_font_size=14,
        hoverlabel_font_size=14,
    )
    figure.update_layout(legend={"y": 1, "yanchor": "top"})
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(gridcolor=GREY, zeroline=False, tickfont_size=13, title_font_size=14, automargin=True)
    return figure
