"""Figures 1 and 2 of the paper as Plotly draws them: for the page and as HTML.

No colour of text or ground is set, so that a light or a dark theme shines through. A point's
customdata is [subject, line, setup], where it stands for one subject.
"""

import html
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType
from plotly.subplots import make_subplots

from zsad_core.base.palette import HOLLOW, Style, styles
from zsad_core.report.chart_looks import finished, names_of

YELLOW, RED = "rgba(240, 228, 66, 0.45)", "#d62728"
MOST = 2000  # points of Figure 1; of more subjects those beyond the whiskers alone are drawn


def by_method(found: pd.DataFrame) -> go.Figure:
    """Figure 1 of `measured` rows: boxes and points of 3D Dice, one panel a setup."""
    setups, lines = names_of(found)
    draw = _box_and_far_ones if crowded(found) else _box_and_all
    looks, traces, columns = styles(lines), list[BaseTraceType](), list[int]()
    known = found.dropna(subset="dice_3d")
    for (setup, line), part in known.groupby(["setup", "line"], observed=True):
        drawn = draw(part, html.escape(str(line)), looks[str(line)])
        traces += drawn
        columns += [setups.index(str(setup)) + 1] * len(drawn)
    figure = make_subplots(
        cols=len(setups),
        shared_yaxes=True,
        subplot_titles=[html.escape(one) for one in setups],
        column_widths=[len(set(found.loc[found["setup"] == one, "line"])) for one in setups],
    )
    figure.add_traces(traces, rows=[1] * len(traces), cols=columns)
    figure.update_xaxes(dtick=1)  # else a narrow window names every other box alone
    figure.update_yaxes(range=[-0.02, 1.02])
    figure.update_yaxes(title="3D Dice", col=1)
    return finished(figure, 460)


def crowded(found: pd.DataFrame) -> bool:
    """Whether Figure 1 shows the subjects beyond the whiskers alone."""
    return bool(found["dice_3d"].count() > MOST)


def by_subject(found: pd.DataFrame) -> go.Figure:
    """Figure 2: boxes of 2D Dice of each subject, 3D Dice as red crosses, one panel for each run.

    Of `measured` rows with their `quartiles`; subjects in the order of their mean 3D Dice.
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
    colours = {line: style[0] for line, style in styles(names_of(found)[1]).items()}
    order = subjects_in_order(found)
    for place, ((_, line), part) in enumerate(runs, 1):
        data = part[["subject", "line", "setup"]].astype(str).to_numpy().tolist()
        box = go.Box(
            x=part["subject"],
            **{name: part[name] for name in ("q1", "median", "q3")},
            lowerfence=part["low"],
            upperfence=part["high"],
            name="2D Dice of slices",
            showlegend=False,
            line={"color": colours[str(line)], "width": 1.5},
            hoverinfo="y",
        )
        cross = go.Scatter(
            x=part["subject"],
            y=part["dice_3d"],
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
    return finished(figure, 180 + 230 * len(runs))


def subjects_in_order(found: pd.DataFrame) -> list[str]:
    """Subjects with a Dice, the one with the lowest mean 3D Dice first."""
    means = found.groupby("subject")["dice_3d"].mean()
    return means.sort_values(kind="stable").index.tolist()


def _box_and_all(part: pd.DataFrame, line: str, style: Style) -> list[BaseTraceType]:
    """The box of a run's 3D Dice and every subject as a point."""
    shown: dict[str, Any] = {"boxpoints": "all", "jitter": 0.4, "pointpos": 0}
    return [go.Box(**_frame(style), **shown, **_points(part, line, style))]


def _box_and_far_ones(part: pd.DataFrame, line: str, style: Style) -> list[BaseTraceType]:
    """The box of a run's 3D Dice and the subjects beyond its whiskers, which reach 1.5 of it."""
    dice = part["dice_3d"].to_numpy()
    low, middle, high = np.quantile(dice, (0.25, 0.5, 0.75))
    far = (dice < low - 1.5 * (high - low)) | (dice > high + 1.5 * (high - low))
    box: dict[str, Any] = {"q1": [low], "median": [middle], "q3": [high], "x": [line]}
    ends = {"lowerfence": [dice[~far].min()], "upperfence": [dice[~far].max()]}
    frame = {"name": line, "showlegend": False, "hoverinfo": "y", **_frame(style)}
    traces = [go.Box(**box, **ends, **frame)]
    if far.any():
        traces.append(go.Scatter(mode="markers", **_points(part[far], line, style)))
    return traces


def _frame(style: Style) -> dict[str, Any]:
    """A box in the colour of a line, filled unless the line's symbols are hollow."""
    hollow = style[2].endswith(HOLLOW)
    return {"line_color": style[0]} | ({"fillcolor": "rgba(0, 0, 0, 0)"} if hollow else {})


def _points(part: pd.DataFrame, line: str, style: Style) -> dict[str, Any]:
    """Subjects of a run as points that name them."""
    return {
        "x": [line] * len(part),
        "y": part["dice_3d"],
        "customdata": part[["subject", "line", "setup"]].astype(str).to_numpy().tolist(),
        "hovertemplate": "%{customdata[0]}<br>3D Dice %{y:.3f}<extra></extra>",
        "marker": {"color": style[0], "symbol": style[2], "size": 5, "opacity": 0.7},
        "name": line,
        "showlegend": False,
    }
