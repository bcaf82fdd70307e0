"""Reliability of maps that are probabilities: predicted values against the share of lesion."""

from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from zsad_core import methods
from zsad_core.base.palette import Style
from zsad_core.report.chart_looks import GREY, bracketed, error_bars, finished, panels_by_setup
from zsad_core.report.measures import mean_intervals
from zsad_core.report.table_text import HIGH, LOW
from zsad_core.results.queries import query

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
    counts = query(rows, _COUNTS, calibration_rows=frame[["key"]])
    bins = np.minimum((counts["predicted"] * BINS).astype(int), BINS - 1)
    total = counts["predicted"] * counts["voxels"]
    names = frame[["key", "patient", "setup", "series"]]
    joined = counts.assign(bin=bins, total=total).merge(names, on="key")
    grouped = joined.groupby(["setup", "series", "bin"], observed=True)
    table = grouped[["total", "lesion", "voxels"]].sum().reset_index()
    low, high = mean_intervals(grouped, joined, joined["lesion"], joined["voxels"])
    table["predicted"] = table.pop("total") / table["voxels"]
    table["observed"] = table.pop("lesion") / table["voxels"]
    table["observed" + LOW], table["observed" + HIGH] = low, high
    return table


def chart(table: pd.DataFrame, series: Sequence[str] = ()) -> go.Figure:
    """The reliability of each configuration with intervals, one panel a setup, and the diagonal.

    Styles are those of `looks_of`, for `series`.
    """

    def scatter(curve: pd.DataFrame, style: Style) -> dict[str, Any]:
        (colour, dash, symbol), observed = style, curve["observed"]
        ends = curve["observed" + LOW], curve["observed" + HIGH]
        return {
            "x": curve["predicted"],
            "y": observed,
            "error_y": error_bars(observed, *ends),
            "text": bracketed(*ends),
            "hovertemplate": "predicted %{x:.3f}: lesion %{y:.3f}%{text}",
            "mode": "lines+markers",
            "line": {"color": colour, "dash": dash},
            "marker": {"symbol": symbol, "size": 8},
        }

    figure = panels_by_setup(table, series, scatter)
    diagonal = {"x0": 0, "y0": 0, "x1": 1, "y1": 1, "line_color": GREY, "layer": "below"}
    figure.add_shape(type="line", **diagonal, row="all", col="all")
    figure.update_xaxes(title="Predicted value", range=[-0.02, 1.02])
    figure.update_yaxes(range=[-0.02, 1.02])
    figure.update_yaxes(title="Share of lesion voxels", col=1)
    return finished(figure, 460)
