"""What the choice of a threshold costs: 3D Dice by threshold rule, and its loss against oracle."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pandas as pd
import plotly.graph_objects as go

from zsad_core.base.palette import Style
from zsad_core.errors import DataError
from zsad_core.metrics.threshold_rules import RULES, rule_of
from zsad_core.report.chart_looks import bracketed, error_bars, finished, panels_by_setup
from zsad_core.report.comparison_groups import comparison_groups, rule_text
from zsad_core.report.measures import mean_intervals
from zsad_core.report.selection import Selection, selected_rows
from zsad_core.report.table_text import HIGH, LOW
from zsad_core.results.queries import with_columns

CONFIGURATION = ["setup", "series"]
MEANS = {"3D Dice": "dice_3d", "oracle": "best_dice", "loss": "loss"}
"""Columns of `costs` by their names in the table."""


def costs(rows: duckdb.DuckDBPyConnection, selection: Selection) -> pd.DataFrame:
    """The selected rows of every threshold rule that was evaluated under the same conditions.

    `rule` is the threshold in words, `basis` what it comes from, `dice_3d` that of whole volumes,
    `best_dice` the oracle of the map, in the brain and without component filter, `loss` their
    difference. Of a configuration only subjects with a lesion remain that have a row at each of its
    rules, so that rules are compared on the same subjects; none of a mask, which has one threshold.
    Raises DataError where none is left.
    """
    if selection.others:  # their series have names of their own, which no filter here knows
        selection = replace(selection, others=(), series=())
    parts = []
    for group in comparison_groups(rows):
        if group.conditions != selection.group.conditions:
            continue
        try:
            part = selected_rows(rows, replace(selection, group=group))
        except DataError:  # the filters leave nothing of this rule
            continue
        parts.append(part.assign(rule=rule_text(group.threshold), basis=group.rule.basis))
    if not parts:
        raise DataError(f"No row of {selection.group} is left by these filters; widen one of them.")
    frame = pd.concat(parts, ignore_index=True)
    setups = dict.fromkeys(name for part in parts for name in part["setup"].cat.categories)
    frame["setup"] = pd.Categorical(frame["setup"].astype(str), list(setups), ordered=True)
    frame = with_columns(rows, frame, "dice_3d, best_dice").dropna(subset=["dice_3d", "best_dice"])
    rules = frame.groupby(CONFIGURATION, observed=True)["rule"].transform("nunique")
    of_subject = frame.groupby([*CONFIGURATION, "site", "subject"], observed=True)["rule"]
    frame = frame[of_subject.transform("nunique") == rules]
    if frame.empty:
        raise DataError(
            "No subject with a lesion has scores at each threshold rule; evaluate the rules on the "
            "same subjects. A mask has one threshold."
        )
    order = list(RULES)
    names = sorted({*frame["rule"]}, key=lambda rule: (order.index(rule_of(rule).name), rule))
    rule = pd.Categorical(frame["rule"], names, ordered=True)
    return frame.assign(rule=rule, loss=frame["best_dice"] - frame["dice_3d"])


def means(frame: pd.DataFrame) -> pd.DataFrame:
    """Means of `costs` by configuration and rule, each with its interval."""
    grouped = frame.groupby([*CONFIGURATION, "rule"], observed=True)
    table = grouped.agg(basis=("basis", "first"), subjects=("key", "size")).reset_index()
    for name, column in MEANS.items():
        table[name] = grouped[column].mean().to_numpy()
        table[name + LOW], table[name + HIGH] = mean_intervals(grouped, frame, frame[column])
    headings = {"series": "method", "rule": "threshold", "basis": "source"}
    return table.rename(columns=headings)


def chart(means: pd.DataFrame, series: Sequence[str] = ()) -> go.Figure:
    """The mean loss of each rule of `means` with its interval, one panel a setup.

    Styles are those of `looks_of`, for `series`.
    """

    def scatter(of_series: pd.DataFrame, style: Style) -> dict[str, Any]:
        colour, _, symbol = style
        ends = of_series["loss" + LOW], of_series["loss" + HIGH]
        return {
            "x": of_series["threshold"].astype(str),
            "y": of_series["loss"],
            "error_y": error_bars(of_series["loss"], *ends),
            "text": bracketed(*ends),
            "hovertemplate": "%{x}: loss %{y:.3f}%{text}",
            "mode": "markers",
            "cliponaxis": False,  # the oracle's lie on the axis
            "marker": {"color": colour, "symbol": symbol, "size": 10},
        }

    figure = panels_by_setup(means.rename(columns={"method": "series"}), series, scatter)
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(title="3D Dice lost against oracle", col=1)
    figure.update_layout(scattermode="group")
    return finished(figure, 460)
