"""Dice, failures and depth curves of a selection, under any convention.

The slices of a comparison group are read once, as sums by depth; results for any filter and
convention are then sums of these. Quartiles do not add up, so they are read for the
configurations drawn.
"""

from dataclasses import dataclass
from itertools import compress
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.typing import DataFrameGroupBy

from zsad_core.metrics import lesions as lesion_rules
from zsad_core.metrics.depth import BINS, DepthCurve, third_sql
from zsad_core.metrics.dice import dice
from zsad_core.metrics.intervals import intervals, of_totals
from zsad_core.report.selection import (
    THIRDS,
    ConfigurationName,
    Selection,
    filter_rows,
    selected_rows,
)
from zsad_core.results import slice_sums
from zsad_core.results.conventions import slice_dice_sql
from zsad_core.results.queries import query
from zsad_core.types import FloatArray

COUNTS = ("slices", "lesion_slices", "overlooked", "healthy", "alarms")
Curves = dict[ConfigurationName, DepthCurve]


@dataclass(frozen=True)
class GroupSums:
    """The rows of a comparison group, and sums over their slices.

    `sums`, by row, bin and third of the depth, has the columns `slice_sums.NAMES`, `n` (the row),
    `bin` and `third`; the last two are -1 for slices without a depth.
    """

    frame: pd.DataFrame
    sums: dict[str, NDArray[Any]]


def group_sums(rows: duckdb.DuckDBPyConnection, selection: Selection) -> GroupSums:
    """Every row of a comparison group, whatever the filters; raises DataError for none."""
    frame = selected_rows(rows, whole_group(selection))
    sql = f"""
        SELECT n, bin, third, {", ".join(slice_sums.NAMES)}
        FROM depths_{selection.centre} JOIN group_rows USING (key)
    """
    sums = query(rows, sql, group_rows=frame[["key", "n"]])
    return GroupSums(frame, {str(name): column.to_numpy() for name, column in sums.items()})


def whole_group(selection: Selection) -> Selection:
    """The part of a selection that its `group_sums` depend on: groups and centre of depth."""
    return Selection(
        selection.group, centre=selection.centre, exposed=True, others=selection.others
    )


def dice_table(group: GroupSums, selection: Selection) -> pd.DataFrame:
    """The selected rows with Dice by the convention, and counts of failures.

    `dice_2d` is the mean over `slices` slices, NaN if there are none. `healthy` counts slices
    without lesion, `alarms` those among them where anything is predicted, `overlooked` lesion
    slices without overlap. Raises DataError if no row is selected.
    """
    frame, sums = filter_rows(group.frame, selection), group.sums
    in_third = slice(None)
    if selection.third:
        in_third = sums["third"] == THIRDS.index(selection.third)
    row = sums["n"][in_third]
    totals = {
        name: np.bincount(row, sums[name][in_third], len(group.frame))[frame["n"]]
        for name in slice_sums.NAMES
    }
    totals = slice_sums.by_convention(totals, selection.empty, selection.which)
    with np.errstate(invalid="ignore"):
        dice_2d = totals["dice"] / totals["slices"]
    dice_3d = dice(totals["truth"], totals["predicted"], totals["overlap"])
    counts = {name: totals[name].astype(np.int64) for name in COUNTS}
    return frame.assign(dice_2d=dice_2d, dice_3d=dice_3d, **counts)


def means(frame: pd.DataFrame) -> pd.DataFrame:
    """Mean 3D Dice, interval over patients: setup, series, subjects with Dice, mean, low, high."""
    frame = frame.dropna(subset="dice_3d")
    grouped = frame.groupby(["setup", "series"], observed=True)
    table = grouped.agg(subjects=("dice_3d", "size"), mean=("dice_3d", "mean")).reset_index()
    low, high = mean_intervals(grouped, frame, frame["dice_3d"])
    return table.assign(low=low, high=high)


def mean_intervals(
    grouped: "DataFrameGroupBy[Any, Any]",
    frame: pd.DataFrame,
    sums: pd.Series,
    counts: pd.Series | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Ends (G,) of the interval of the mean of each of the groups of `frame`, over patients.

    A mean is sum(sums) / sum(counts); without `counts` it is that of the values that are not NaN.
    """
    of_means = sums.notna() if counts is None else counts
    return intervals(
        frame["patient"].tolist(),
        np.asarray(grouped.ngroup(), np.int64),
        sums.fillna(0).to_numpy(float),
        of_means.astype(float).to_numpy(),
    )


def curves(group: GroupSums, selection: Selection) -> Curves:
    """Mean 2D Dice over depth, interval over patients, by configuration; slices weigh the same."""
    frame, sums = filter_rows(group.frame, selection), group.sums
    entries = slice_sums.by_convention(sums, selection.empty, selection.which)
    grouped = frame.groupby(["setup", "series"], observed=True)
    of_row = np.full(len(group.frame), -1)
    of_row[frame["n"]] = grouped.ngroup()
    curve = of_row[sums["n"]]
    valid = (curve >= 0) & (sums["bin"] >= 0)
    if selection.third:
        valid &= sums["third"] == THIRDS.index(selection.third)
    index = curve[valid] * BINS + sums["bin"][valid]
    dice, slices, lesion = (
        np.bincount(index, entries[name][valid], grouped.ngroups * BINS).reshape(-1, BINS)
        for name in ("dice", "slices", "lesion_slices")
    )
    with np.errstate(invalid="ignore"):
        mean = dice / slices
    names, of_patient = np.unique(frame["patient"].to_numpy(str), return_inverse=True)
    patient = np.zeros(len(group.frame), np.int64)
    patient[frame["n"]] = of_patient
    size = grouped.ngroups * BINS
    cell = patient[sums["n"][valid]] * size + index
    total, number = (
        np.bincount(cell, entries[name][valid], len(names) * size).reshape(-1, size).astype(float)
        for name in ("dice", "slices")
    )
    low, high = (end.reshape(-1, BINS) for end in of_totals(total, number))
    centres = (np.arange(BINS) + 0.5) / BINS * 2 - 1
    counts = (slices.astype(np.int64), lesion.astype(np.int64))
    arrays = zip(mean, *counts, low, high, strict=True)
    has_slices = np.bincount(curve[valid], minlength=grouped.ngroups) > 0
    means_by_name = compress(zip(grouped.size().index, arrays, strict=True), has_slices)
    return {
        (str(setup), str(series)): DepthCurve(centres, *means)
        for (setup, series), means in means_by_name
    }


def quartiles(
    rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, selection: Selection
) -> pd.DataFrame:
    """Quartiles of the slices' 2D Dice by the `key` of each row of `frame`, for Figure 2.

    `low` and `high` are the farthest slices within 1.5 interquartile ranges. Rows of which no slice
    counts are left out.
    """
    third = third_sql(f"depth_{selection.centre}")
    condition = f"{third} = {THIRDS.index(selection.third)}" if selection.third else "true"
    dice = slice_dice_sql(selection.empty, selection.which)
    sql = f"""
        WITH dice AS (
            SELECT key, {dice} AS d
            FROM slices JOIN drawn_rows USING (key) WHERE {condition}
        ), boxes AS (
            SELECT key, quantile_cont(d, 0.25) AS q1, quantile_cont(d, 0.5) AS median,
                   quantile_cont(d, 0.75) AS q3 FROM dice WHERE d IS NOT NULL GROUP BY key
        )
        SELECT key, any_value(q1) AS q1, any_value(median) AS median, any_value(q3) AS q3,
               min(d) FILTER (d >= q1 - 1.5 * (q3 - q1)) AS low,
               max(d) FILTER (d <= q3 + 1.5 * (q3 - q1)) AS high
        FROM dice JOIN boxes USING (key) GROUP BY key
    """
    return query(rows, sql, drawn_rows=frame[["key"]])


def lesions(
    rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, selection: Selection
) -> pd.DataFrame:
    """A row for each lesion: key, patient, setup, series, third, mm3, missed, dice, counts.

    Lesions follow the BraTS 2023 rule; a missed one has Dice 0; those it ignores as too
    small have `counts` false. A lesion lies in the third of its largest slice, "" without a depth.
    """
    third = third_sql(f"depth_{selection.centre}")
    sql = f"""
        WITH each AS (
            SELECT chosen_rows.*, unnest(brats2023_lesion_mm3) AS mm3,
                   NOT unnest(brats2023_lesion_found) AS missed,
                   unnest(brats2023_lesion_dice) AS dice,
                   unnest(brats2023_lesion_slice) AS index
            FROM subjects JOIN chosen_rows USING (key)
        )
        SELECT each.* EXCLUDE (index), {third} AS third
        FROM each LEFT JOIN slices ON slices.key = each.key AND slices.index = each.index
    """
    chosen = frame.astype({"setup": str})[["key", "patient", "setup", "series"]]
    lesion_rows = query(rows, sql, chosen_rows=chosen)
    counts = lesion_rules.RULES["brats2023"].keeps(lesion_rows["mm3"].to_numpy(float))
    names = lesion_rows["third"].map(dict(enumerate(THIRDS))).fillna("")
    lesion_rows = lesion_rows.assign(third=names, counts=counts)
    return lesion_rows[lesion_rows["third"] == selection.third] if selection.third else lesion_rows
