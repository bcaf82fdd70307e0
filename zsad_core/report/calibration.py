"""Reliability of maps that are probabilities: predicted values against the share of lesion."""

import html

import duckdb
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from zsad_core import methods
from zsad_core.base.palette import styles
from zsad_core.metrics.intervals import intervals
from zsad_core.report.chart_looks import GREY, bracketed, error_bars, finished, names_of
from zsad_core.report.table_text import HIGH, LOW

BINS = 10
_COUNTS = """
    WITH chosen AS (
        SELECT key, map FROM subjects JOIN calibration_rows USING (key) WHERE range_high = 1
    ), pixels AS (
        SELECT key, map, unnest(levels.healthy) AS healthy, unnest(levels.lesion) AS lesion,
               generate_subscripts(levels.healthy, 1) AS level
        FROM levels JOIN chosen USING (map)
    ), voxels AS (
        SELECT key, map, level, sum(healthy)::BIGINT AS healthy, sum(lesion)::BIGINT AS lesion
        FROM pixels GROUP BY ALL
    )
    SELECT key, voxels.healthy + voxels.lesion AS voxels, voxels.lesion AS lesion,
           (levels_from[level] + coalesce(levels_from[level + 1], levels_from[level])) / 2
               AS predicted
    FROM voxels JOIN curves USING (map) WHERE voxels.healthy + voxels.lesion > 0
"""


def reliability(rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame) -> pd.DataFrame:
    """Share of lesion among the brain's voxels by predicted value, of `selected_rows`.

    A row for each configuration and filled bin of `BINS` even ones of 0 … 1: `predicted` is the
    mean value, of a level its middle; `observed` the share of lesion with the interval over
    patients in `observed low` and `observed high`; `voxels` how many. Only methods whose map is a
    probability are in it; empty without any (DeGroot and Fienberg 1983).
    """
    known = {name for name, kind in methods.METHODS.items() if kind.probability}
    frame = frame[frame["method"].isin(known)]
    rows.register("calibration_rows", frame[["key"]])
    counts = rows.execute(_COUNTS).df()
    rows.unregister("calibration_rows")
    bins = np.minimum((counts["predicted"] * BINS).astype(int), BINS - 1)
    total = counts["predicted"] * counts["voxels"]
    names = frame[["key", "patient", "setup", "series"]]
    joined = counts.assign(bin=bins, total=total).merge(names, on="key")
    grouped = joined.groupby(["setup", "series", "bin"], observed=True)
    table = grouped[["total", "lesion", "voxels"]].sum().reset_index()
    low, high = intervals(
        joined["patient"].tolist(),
        np.asarray(grouped.ngroup(), np.int64),
        joined["lesion"].to_numpy(float),
        joined["voxels"].to_numpy(float),
    )
    table["predicted"] = table.pop("total") / table["voxels"]
    table["observed"] = table.pop("lesion") / table["voxels"]
    table["observed" + LOW], table["observed" + HIGH] = low, high
    return table


def chart(table: pd.DataFrame) -> go.Figure:
    """The reliability of each configuration with intervals, one panel a setup, and the diagonal."""
    setups, names = names_of(table)
    looks, named = styles(names), set[str]()
    figure = make_subplots(
        cols=len(setups), shared_yaxes=True, subplot_titles=[html.escape(name) for name in setups]
    )
    for column in range(1, len(setups) + 1):
        figure.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY}, showlegend=False,
            hoverinfo="skip", row=1, col=column,
        )  # fmt: skip
    for (setup, series), curve in table.groupby(["setup", "series"], observed=True):
        (colour, dash, symbol), observed = looks[str(series)], curve["observed"]
        figure.add_scatter(
            x=curve["predicted"],
            y=observed,
            error_y=error_bars(observed, curve["observed" + LOW], curve["observed" + HIGH]),
            text=bracketed(curve["observed" + LOW], curve["observed" + HIGH]),
            hovertemplate="predicted %{x:.3f}: lesion %{y:.3f}%{text}",
            mode="lines+markers",
            name=html.escape(str(series)),
            legendgroup=str(series),
            showlegend=series not in named,
            line={"color": colour, "dash": dash},
            marker={"symbol": symbol, "size": 8},
            row=1,
            col=setups.index(str(setup)) + 1,
        )
        named.add(str(series))
    figure.update_xaxes(title="Predicted value", range=[-0.02, 1.02])
    figure.update_yaxes(range=[-0.02, 1.02])
    figure.update_yaxes(title="Share of lesion voxels", col=1)
    return finished(figure, 460)
