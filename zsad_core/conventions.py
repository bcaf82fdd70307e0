"""Conventions chosen after the fact: SQL over the rows of an evaluation, no map computed again.

The views are those of `results.connect`. Every mean comes with the number that entered it.
"""

from typing import Literal

import duckdb
import numpy as np

from zsad_core.metrics import EmptySlices, Histogram

Which = Literal["all", "brain", "lesion"]
DICE = "2.0 * overlap / (truth + predicted)"
DICE_SQL: dict[EmptySlices, str] = {
    "lesion_only": f"CASE WHEN truth > 0 THEN {DICE} END",
    "nan": f"CASE WHEN truth + predicted > 0 THEN {DICE} END",
    "both_empty_one": f"CASE WHEN truth + predicted > 0 THEN {DICE} ELSE 1.0 END",
}
WHICH_SQL: dict[Which, str] = {"all": "true", "brain": "brain > 0", "lesion": "truth > 0"}


def dice_2d(
    rows: duckdb.DuckDBPyConnection, empty: EmptySlices = "lesion_only", which: Which = "all"
) -> duckdb.DuckDBPyRelation:
    """(key, dice, slices): mean 2D Dice of each row of `subjects` and how many slices entered.

    A row that no slice entered has no Dice. `empty` says what a slice without lesion is: left out;
    0 where something is predicted and left out where not; or 0 and 1.
    """
    dice = f"CASE WHEN {WHICH_SQL[which]} THEN {DICE_SQL[empty]} END"
    return rows.sql(
        f"SELECT key, avg({dice}) AS dice, count({dice}) AS slices FROM slices GROUP BY key"
    )


def dice_3d(
    rows: duckdb.DuckDBPyConnection, empty: EmptySlices = "lesion_only"
) -> duckdb.DuckDBPyRelation:
    """(key, dice) of each row of `subjects`; the empty cases are those of 2D Dice."""
    return rows.sql(f"SELECT key, {DICE_SQL[empty]} AS dice FROM subjects")


def hd95_mm(
    rows: duckdb.DuckDBPyConnection, one_empty: float = 374.0, both_empty: float = 0.0
) -> duckdb.DuckDBPyRelation:
    """(key, hd95_mm) with what an empty mask costs; BraTS 2023 takes 374 and 0."""
    return rows.sql(
        f"SELECT key, CASE WHEN hd95_mm IS NULL THEN {both_empty:f} "
        f"WHEN isinf(hd95_mm) THEN {one_empty:f} ELSE hd95_mm END AS hd95_mm FROM subjects"
    )


def at_level(rows: duckdb.DuckDBPyConnection, level: int) -> duckdb.DuckDBPyRelation:
    """(map, index, truth, predicted, overlap) inside the brain at any threshold, for every map.

    Of slices with brain, without component filter; Dice under every rule follows.
    """
    return rows.sql(
        "SELECT map, index, list_sum(lesion) AS truth, "
        f"list_sum(lesion[{level + 1}:]) + list_sum(healthy[{level + 1}:]) AS predicted, "
        f"list_sum(lesion[{level + 1}:]) AS overlap FROM histograms"
    )


def whole_histogram(rows: duckdb.DuckDBPyConnection, map_key: str) -> Histogram:
    """The histogram (2, 256) of a whole volume, healthy brain then lesion.

    Its `metrics.best_dice` is the subject's oracle; of the sum over subjects, the pooled ⌈DSC⌉.
    """
    found = rows.execute("SELECT healthy, lesion FROM histograms WHERE map = ?", [map_key])
    return np.array(found.fetchall(), np.int64).reshape(-1, 2, 256).sum(axis=0)
