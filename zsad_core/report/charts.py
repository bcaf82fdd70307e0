"""Figures 1 and 2 of the paper as Plotly draws them: for the page and as HTML.

No colour of text or ground is set, so that a light or a dark theme shines through. A point's
customdata is [subject as HTML, key of its row], where it stands for one subject.
"""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.basedatatypes import BaseTraceType
from plotly.subplots import make_subplots

from zsad_core.base.palette import HOLLOW, Style, styles
from zsad_core.base.wording import percent
from zsad_core.report.chart_looks import bracketed, error_bars, finished, looks_of, names_of
from zsad_core.report.comparisons import RankShares, configuration_label

YELLOW, RED = "rgba(240, 228, 66, 0.45)", "#d62728"
HATCH = "rgba(128, 128, 128, 0.9)"
EXPOSED = "exposed subject"  # in a legend and beside its name
MEAN = "mean, 95 % interval"  # in the legend of Figure 1
# Points beside each other: a box that is not seen, in a legend neither, spreads them.
UNSEEN = "rgba(0, 0, 0, 0)"
SPREAD: dict[str, Any] = {
    "boxpoints": "all",
    "jitter": 0.4,
    "pointpos": 0,
    "line": {"width": 0, "color": UNSEEN},
    "fillcolor": UNSEEN,
    "hoveron": "points",
}
MOST = 2000  # points of Figure 1; beyond that, only subjects outside the whiskers are drawn


def by_method(frame: pd.DataFrame, means: pd.DataFrame) -> go.Figure:
    """Figure 1: boxes, points and `means` of 3D Dice of a `dice_table`, one panel a setup."""
    setups, names = names_of(frame)
    few = not crowded(frame)
    styles_by_series, traces, columns = styles(names), list[BaseTraceType](), list[int]()
    rows = frame.dropna(subset="dice_3d")
    for (setup, series), dice in rows.groupby(["setup", "series"], observed=True):
        name = html.escape(str(series))
        box = _box_and_points(dice, name, styles_by_series[str(series)], few)
        if dice["exposed"].any():
            marked = not any(trace.name == EXPOSED for trace in traces)
            box.append(_hatched_points(dice[dice["exposed"]], name, marked, few))
        traces += box
        columns += [setups.index(str(setup)) + 1] * len(box)
    for number, (setup, of_setup) in enumerate(means.groupby("setup", observed=True)):
        traces += _means(of_setup, legend=number == 0)
        columns += [setups.index(str(setup)) + 1] * 2
    figure = make_subplots(
        cols=len(setups),
        shared_yaxes=True,
        subplot_titles=[html.escape(setup) for setup in setups],
        column_widths=[len(set(frame.loc[frame["setup"] == setup, "series"])) for setup in setups],
    )
    figure.add_traces(traces, rows=[1] * len(traces), cols=columns)
    figure.update_xaxes(dtick=1)  # else a narrow window names every other box alone
    figure.update_yaxes(range=[-0.02, 1.02])
    figure.update_yaxes(title="3D Dice", col=1)
    return finished(figure, 460)


def by_rank(ranks: RankShares) -> go.Figure:
    """How often each configuration, the best mean at the top, has each rank."""
    labels = [html.escape(configuration_label(name)) for name in ranks.names]
    heatmap = go.Heatmap(
        x=[str(rank) for rank in range(1, len(labels) + 1)],
        y=labels,
        z=ranks.shares,
        zmin=0,
        zmax=1,
        colorscale="Blues",
        text=[[percent(share) for share in row] for row in ranks.shares],
        texttemplate="%{text}",
        hovertemplate="%{y}<br>rank %{x}: %{z:.4g} of resamples<extra></extra>",
        showscale=False,
    )
    figure = go.Figure(heatmap)
    figure.update_xaxes(title="Rank by mean 3D Dice", type="category")
    figure.update_yaxes(autorange="reversed")
    return finished(figure, 130 + 34 * len(labels))


def crowded(frame: pd.DataFrame) -> bool:
    """Whether Figure 1 shows only the subjects outside the whiskers."""
    return bool(frame["dice_3d"].count() > MOST)


def by_subject(frame: pd.DataFrame, series: Sequence[str] = ()) -> go.Figure:
    """Figure 2: a panel a configuration of a `dice_table` with `quartiles`, subjects by 3D Dice.

    Styles are those of `looks_of`, for `series`.
    """
    configurations = list(frame.groupby(["setup", "series"], observed=True))
    figure = make_subplots(
        rows=len(configurations),
        shared_xaxes=True,
        subplot_titles=[html.escape(f"{name} · {setup}") for (setup, name), _ in configurations],
        vertical_spacing=min(0.06, 0.9 / max(len(configurations) - 1, 1) / 4),
    )
    colours = {name: style[0] for name, style in looks_of(frame, series).items()}
    order, legend = [html.escape(subject) for subject in subjects_in_order(frame)], True
    for row, ((_, name), dice) in enumerate(configurations, 1):
        data = _subjects_and_keys(dice)
        subjects = [subject for subject, _ in data]
        box = go.Box(
            x=subjects,
            **{name: dice[name] for name in ("q1", "median", "q3")},
            lowerfence=dice["low"],
            upperfence=dice["high"],
            name="2D Dice of slices",
            showlegend=False,
            line={"color": colours[str(name)], "width": 1.5},
            hoverinfo="y",
        )
        stroke = {"color": RED, "width": 2}
        cross = go.Scatter(
            x=subjects,
            y=dice["dice_3d"],
            mode="markers",
            name="3D Dice",
            showlegend=row == 1,
            marker={"color": RED, "symbol": "x-thin", "size": 9, "line": stroke},
            customdata=data,
            hovertemplate="%{customdata[0]}: 3D Dice %{y:.3f}<extra></extra>",
        )
        traces = [box, cross]
        if dice["exposed"].any():
            traces.insert(1, _hatching(dice[dice["exposed"]], legend))
            legend = False
        figure.add_traces(traces, rows=row, cols=1)
    figure.update_yaxes(range=[-0.02, 1.02], title="2D Dice")
    figure.update_xaxes(categoryorder="array", categoryarray=order, tickangle=-60)
    return finished(figure, 180 + 230 * len(configurations))


def _hatched_points(exposed: pd.DataFrame, series: str, legend: bool, few: bool) -> BaseTraceType:
    """Hatched marks for exposed subjects: their points where there are `few`, else over them."""
    trace, place = (go.Box, SPREAD) if few else (go.Scatter, {"mode": "markers"})
    return trace(
        **place,
        x=[series] * len(exposed),
        y=exposed["dice_3d"],
        name=EXPOSED,
        showlegend=legend,
        marker={"color": HATCH, "symbol": "hash-open", "size": 10},
        customdata=_subjects_and_keys(exposed),
        hovertemplate=f"%{{customdata[0]}} ({EXPOSED})<br>3D Dice %{{y:.3f}}<extra></extra>",
    )


def _hatching(exposed: pd.DataFrame, legend: bool) -> go.Bar:
    """Hatching over the boxes of exposed subjects."""
    return go.Bar(
        x=exposed["subject"].map(html.escape),
        y=exposed["q3"] - exposed["q1"],
        base=exposed["q1"],
        width=0.5,
        name=EXPOSED,
        showlegend=legend,
        marker={
            "color": UNSEEN,
            "line": {"width": 0},
            "pattern": {"shape": "/", "fgcolor": HATCH, "size": 6},
        },
        customdata=_subjects_and_keys(exposed),
        hovertemplate=f"%{{customdata[0]}}: {EXPOSED}<extra></extra>",
    )


def subjects_in_order(frame: pd.DataFrame) -> list[str]:
    """Subjects with a Dice, the one with the lowest mean 3D Dice first."""
    means = frame.groupby("subject")["dice_3d"].mean()
    return means.sort_values(kind="stable").index.tolist()


def _box_and_points(
    frame: pd.DataFrame, series: str, style: Style, few: bool
) -> list[BaseTraceType]:
    """The box of a configuration's 3D Dice, with quartiles as NumPy and Matplotlib interpolate.

    Of `few` subjects each that is not exposed is a point, else those beyond the whiskers.
    """
    dice = frame["dice_3d"].to_numpy()
    low, middle, high = np.quantile(dice, (0.25, 0.5, 0.75))
    outliers = (dice < low - 1.5 * (high - low)) | (dice > high + 1.5 * (high - low))
    box: dict[str, Any] = {"q1": [low], "median": [middle], "q3": [high], "x": [series]}
    ends = {"lowerfence": [dice[~outliers].min()], "upperfence": [dice[~outliers].max()]}
    legend = {"name": series, "showlegend": False, "hoverinfo": "y", **_outline(style)}
    traces = [go.Box(**box, **ends, **legend)]
    if few:
        traces.append(go.Box(**SPREAD, **_points(frame[~frame["exposed"]], series, style)))
    elif outliers.any():
        traces.append(go.Scatter(mode="markers", **_points(frame[outliers], series, style)))
    return traces


def _means(means: pd.DataFrame, legend: bool) -> list[go.Scatter]:
    """Means with their intervals, in black on a white rim that parts them from any ground."""
    bars = error_bars(means["mean"], means["low"], means["high"])
    place: dict[str, Any] = {
        "x": means["series"].map(html.escape),
        "y": means["mean"],
        "mode": "markers",
        "legendgroup": MEAN,
    }
    rim = go.Scatter(
        **place,
        error_y=bars | {"color": "white", "thickness": 5, "width": 6},
        marker={"color": "white", "symbol": "diamond", "size": 13},
        hoverinfo="skip",
        showlegend=False,
    )
    mean = go.Scatter(
        **place,
        error_y=bars | {"color": "black", "thickness": 2, "width": 5},
        marker={
            "color": "black",
            "symbol": "diamond",
            "size": 9,
            "line": {"color": "white", "width": 1},  # in a legend on a dark ground
        },
        name=MEAN,
        showlegend=legend,
        text=bracketed(means["low"], means["high"]),
        hovertext=means["subjects"],
        hovertemplate="%{x}: mean %{y:.3f}%{text} of %{hovertext} subjects<extra></extra>",
    )
    return [rim, mean]


def _outline(style: Style) -> dict[str, Any]:
    """A box in the colour of a series, filled unless its symbols are hollow."""
    hollow = style[2].endswith(HOLLOW)
    return {"line_color": style[0]} | ({"fillcolor": UNSEEN} if hollow else {})


def _points(frame: pd.DataFrame, series: str, style: Style) -> dict[str, Any]:
    """Subjects of a configuration as points that name them, and say which are exposed."""
    exposed = frame["exposed"].map({True: f" ({EXPOSED})", False: ""})
    return {
        "x": [series] * len(frame),
        "y": frame["dice_3d"],
        "customdata": _subjects_and_keys(frame),
        "text": frame["subject"].map(html.escape) + exposed,
        "hovertemplate": "%{text}<br>3D Dice %{y:.3f}<extra></extra>",
        "marker": {"color": style[0], "symbol": style[2], "size": 5, "opacity": 0.7},
        "name": series,
        "showlegend": False,
    }


def _subjects_and_keys(frame: pd.DataFrame) -> list[list[str]]:
    """Customdata of a configuration's points."""
    return [[html.escape(subject), key] for subject, key in frame[["subject", "key"]].to_numpy()]
