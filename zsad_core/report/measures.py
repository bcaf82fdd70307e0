"""Dice, failures and depth curves of the rows chosen, by any convention.

The slices of a sheet are read as sums by depth; any convention and what filters leave is then a
matter of adding up. Quartiles cannot be added up, so they are read for the runs drawn alone.
"""

from dataclasses import dataclass
from itertools import compress
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zsad_core.metrics import lesions as lesion_rules
from zsad_core.metrics.depth import BINS, DepthCurve, third_sql
from zsad_core.metrics.dice import dice, dice_sql
from zsad_core.report.selection import THIRDS, Selection, kept, runs
from zsad_core.results import slice_sums
from zsad_core.results.conventions import WHICH_SQL

COUNTS = ("slices", "lesion_slices", "overlooked", "healthy", "alarms")
Curves = dict[tuple[str, str], DepthCurve]


@dataclass(frozen=True)
class Reading:
    """The rows of a sheet, and their slices summed by row, bin and third of the depth.

    `sums` has `slice_sums.NAMES` and `n`, `bin`, `third`, which are -1 for slices without a depth.
    """

    frame: pd.DataFrame
    sums: dict[str, NDArray[Any]]


def read(rows: duckdb.DuckDBPyConnection, chosen: Selection) -> Reading:
    """Every row of the selection's sheet, whatever its filters and convention.

    Raises DataError where there is none.
    """
    frame = runs(rows, of_sheet(chosen))
    rows.register("sheet_rows", frame[["key", "n"]])
    sums = rows.execute(f"""
        SELECT n, bin, third, {", ".join(slice_sums.NAMES)}
        FROM depths_{chosen.centre} JOIN sheet_rows USING (key)
    """).fetchnumpy()
    rows.unregister("sheet_rows")
    return Reading(frame, {name: np.asarray(one) for name, one in sums.items()})


def of_sheet(chosen: Selection) -> Selection:
    """What a reading depends on: the sheet, and where depth 0 lies."""
    return Selection(chosen.sheet, centre=chosen.centre)


def measured(reading: Reading, chosen: Selection) -> pd.DataFrame:
    """The rows that the filters leave, with Dice by the convention and failures.

    `dice_2d` is the mean over `slices` slices, NaN where no slice entered. `healthy` counts slices
    without lesion, `alarms` those of them where something is predicted, `overlooked` lesion slices
    without any overlap. Raises DataError where no row is left.
    """
    frame, sums = kept(reading.frame, chosen), reading.sums
    within = slice(None)
    if chosen.third:
        within = sums["third"] == THIRDS.index(chosen.third)
    number = sums["n"][within]
    added = {
        name: np.bincount(number, sums[name][within], len(reading.frame))[frame["n"]]
        for name in slice_sums.NAMES
    }
    added = slice_sums.by_convention(added, chosen.empty, chosen.which)
    with np.errstate(invalid="ignore"):
        dice_2d = added["dice"] / added["slices"]
    dice_3d = dice(added["truth"], added["predicted"], added["overlap"])
    counts = {name: added[name].astype(np.int64) for name in COUNTS}
    return frame.assign(dice_2d=dice_2d, dice_3d=dice_3d, **counts)


def curves(reading: Reading, chosen: Selection) -> Curves:
    """Mean 2D Dice over depth of every (setup, line) left; each slice weighs the same."""
    frame, sums = kept(reading.frame, chosen), reading.sums
    told = slice_sums.by_convention(sums, chosen.empty, chosen.which)
    groups = frame.groupby(["setup", "line"], observed=True)
    of_row = np.full(len(reading.frame), -1)
    of_row[frame["n"]] = groups.ngroup()
    group = of_row[sums["n"]]
    there = (group >= 0) & (sums["bin"] >= 0)
    if chosen.third:
        there &= sums["third"] == THIRDS.index(chosen.third)
    place = group[there] * BINS + sums["bin"][there]
    dice, slices, lesion = (
        np.bincount(place, told[name][there], groups.ngroups * BINS).reshape(-1, BINS)
        for name in ("dice", "slices", "lesion_slices")
    )
    with np.errstate(invalid="ignore"):
        mean = dice / slices
    centres = (np.arange(BINS) + 0.5) / BINS * 2 - 1
    parts = zip(mean, slices.astype(np.int64), lesion.astype(np.int64), strict=True)
    named = groups.size().reset_index()[["setup", "line"]].itertuples(index=False, name=None)
    found = {
        (str(setup), str(line)): DepthCurve(centres, *part)
        for (setup, line), part in zip(named, parts, strict=True)
    }
    some = np.bincount(group[there], minlength=groups.ngroups) > 0
    return dict(compress(found.items(), some))


def quartiles(
    rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, chosen: Selection
) -> pd.DataFrame:
    """By the `key` of each row of `frame`, the quartiles of its slices' 2D Dice; for Figure 2.

    `low` and `high` are the farthest slices within 1.5 interquartile ranges. Rows that no slice
    enters are left out.
    """
    rows.register("drawn_rows", frame[["key"]])
    third = third_sql(f"depth_{chosen.centre}")
    within = f"{third} = {THIRDS.index(chosen.third)}" if chosen.third else "true"
    found = rows.execute(f"""
        WITH dice AS (
            SELECT key, {_dice(chosen)} AS d FROM slices JOIN drawn_rows USING (key) WHERE {within}
        ), boxes AS (
            SELECT key, quantile_cont(d, 0.25) AS q1, quantile_cont(d, 0.5) AS median,
                   quantile_cont(d, 0.75) AS q3 FROM dice WHERE d IS NOT NULL GROUP BY key
        )
        SELECT key, any_value(q1) AS q1, any_value(median) AS median, any_value(q3) AS q3,
               min(d) FILTER (d >= q1 - 1.5 * (q3 - q1)) AS low,
               max(d) FILTER (d <= q3 + 1.5 * (q3 - q1)) AS high
        FROM dice JOIN boxes USING (key) GROUP BY key
    """).df()
    rows.unregister("drawn_rows")
    return found


def lesions(
    rows: duckdb.DuckDBPyConnection, frame: pd.DataFrame, chosen: Selection
) -> pd.DataFrame:
    """A row for each lesion: key, setup, line, third, `mm3`, `missed`, `dice` (0 missed), `counts`.

    Lesions are those of the BraTS 2023 rule; those it drops as too small have `counts` false. A
    lesion lies where its largest slice does; "" is the third of one in a slice without a depth.
    """
    rows.register("chosen_runs", frame.astype({"setup": str})[["key", "setup", "line"]])
    third = third_sql(f"depth_{chosen.centre}")
    found = rows.execute(f"""
        WITH each AS (
            SELECT chosen_runs.*, unnest(brats2023_lesion_mm3) AS mm3,
                   NOT unnest(brats2023_lesion_found) AS missed,
                   unnest(brats2023_lesion_dice) AS dice,
                   unnest(brats2023_lesion_slice) AS index
            FROM subjects JOIN chosen_runs USING (key)
        )
        SELECT each.* EXCLUDE (index), {third} AS third
        FROM each LEFT JOIN slices ON slices.key = each.key AND slices.index = each.index
    """).df()
    rows.unregister("chosen_runs")
    counts = lesion_rules.RULES["brats2023"].keeps(found["mm3"].to_numpy(float))
    names = pd.Series(found["third"]).map(dict(enumerate(THIRDS))).fillna("")
    found = found.assign(third=names, counts=counts)
    return found[found["third"] == chosen.third] if chosen.third else found


def _dice(chosen: Selection) -> str:
    return f"CASE WHEN {WHICH_SQL[chosen.which]} THEN {dice_sql(chosen.empty)} END"
