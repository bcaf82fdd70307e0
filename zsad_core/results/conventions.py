"""Conventions chosen after the fact: SQL over the rows of an evaluation, no map computed again.

The views are those of `parquet.connect`. Every mean comes with the number that entered it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from zsad_core.metrics.dice import EmptySlices, dice_sql
from zsad_core.metrics.thresholds import Curve, NormalCurve
from zsad_core.results.queries import query

Which = Literal["all", "brain", "lesion"]
WHICH_SQL: dict[Which, str] = {"all": "true", "brain": "brain > 0", "lesion": "truth > 0"}


def slice_dice_sql(empty: EmptySlices, which: Which) -> str:
    """SQL of the 2D Dice of a row of `slices`, NULL where it enters no mean."""
    return f"CASE WHEN {WHICH_SQL[which]} THEN {dice_sql(empty)} END"


def at_threshold(rows: duckdb.DuckDBPyConnection, threshold: float) -> duckdb.DuckDBPyRelation:
    """(map, index, threshold, truth, predicted, overlap) of every slice with brain, of every map.

    Inside the brain and without component filter; Dice under every rule follows. The counts are
    exact at the column `threshold`: the map's own next at or above the one asked for. Maps whose
    thresholds all lie below it have nothing predicted and a threshold of infinity.
    """
    low = f"[value for value in levels_from if value < {threshold!r}::FLOAT]"
    return rows.sql(f"""
        WITH chosen AS (SELECT map, levels_from, len({low}) + 1 AS first FROM curves)
        SELECT map, index, coalesce(levels_from[first], 'inf'::FLOAT) AS threshold,
               list_sum(lesion) + outside AS truth,
               coalesce(list_sum(lesion[first:]) + list_sum(healthy[first:]), 0) AS predicted,
               coalesce(list_sum(lesion[first:]), 0) AS overlap
        FROM levels JOIN chosen USING (map)
    """)


def curves_of(rows: duckdb.DuckDBPyConnection, maps: Sequence[str]) -> dict[str, Curve]:
    """The curves of those maps that have one, by the map's key."""
    requested = pa.table({"map": pa.array(maps, pa.string())})
    curves = query(rows, "FROM curves JOIN requested USING (map)", requested=requested)
    return {str(row["map"]): curve_from(row) for _, row in curves.iterrows()}


def curve_from(row: Mapping[str, Any] | pd.Series) -> Curve:
    """The curve that a row of `curves` keeps."""
    lesion, healthy = (np.array(row[name], np.int64) for name in ("lesion", "healthy"))
    return Curve(np.array(row["threshold"], np.float32), lesion, healthy, int(row["truth"]))


def normal_curves_of(
    rows: duckdb.DuckDBPyConnection, voxel_ml: Mapping[str, float]
) -> dict[str, NormalCurve]:
    """The normal curves of those maps that have one, by the map's key, from their voxels' ml."""
    sql = """
        WITH normal AS (
            SELECT map, unnest(healthy) AS healthy, generate_subscripts(healthy, 1) AS level
            FROM levels JOIN requested USING (map)
            WHERE outside = 0 AND list_sum(lesion) = 0
        ), sums AS (
            SELECT map, level, sum(healthy)::BIGINT AS voxels FROM normal GROUP BY map, level
        )
        SELECT map, any_value(levels_from) AS levels_from, list(voxels ORDER BY level) AS voxels
        FROM sums JOIN curves USING (map) GROUP BY map
    """
    requested = pa.table({"map": pa.array(voxel_ml, pa.string())})
    counts = query(rows, sql, requested=requested)
    return {
        str(row["map"]): _normal_curve(row["levels_from"], row["voxels"], voxel_ml[row["map"]])
        for _, row in counts.iterrows()
    }


def normal_curve_from(
    curve: Mapping[str, Any], levels: Iterable[Mapping[str, Any]], voxel_ml: float
) -> NormalCurve | None:
    """The normal curve of a map's row of `curves` and its rows of `levels`.

    None where every slice with brain has lesion.
    """
    normal = [row["healthy"] for row in levels if not row["outside"] and not any(row["lesion"])]
    if not normal:
        return None
    return _normal_curve(curve["levels_from"], np.sum(normal, axis=0), voxel_ml)


def _normal_curve(
    levels_from: Sequence[float], counts: Sequence[int], voxel_ml: float
) -> NormalCurve:
    """From voxels at each level to the volume at or above it."""
    reaching = np.cumsum(np.asarray(counts, np.int64)[::-1])[::-1]
    return NormalCurve(np.array(levels_from, np.float32), reaching * voxel_ml)
