"""Slices summed by depth, whatever the convention: every mean over slices follows from these.

The sums of a merged file are kept beside it; those of other parts are made when they are read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.metrics.depth import bin_sql, third_sql
from zsad_core.metrics.dice import EMPTY_RULES, EmptySlices, dice_sql
from zsad_core.results.conventions import Which
from zsad_core.results.parts import writer

Centre = Literal["middle", "centroid"]
BATCH = 50_000  # slices that are summed at once
FORMAT = 3  # goes up when what a sum holds changes
CENTRES: tuple[Centre, ...] = ("middle", "centroid")
_KINDS = {
    "lesion": "truth > 0",
    "alarms": "truth = 0 AND predicted > 0",
    "empty": "truth = 0 AND predicted = 0",
}
_COLUMNS = {
    **{name: (pa.int64(), f"sum({name})::BIGINT") for name in ("truth", "predicted", "overlap")},
    "dice": (pa.float64(), f"coalesce(sum({dice_sql()}), 0)"),
    "dice_brain": (pa.float64(), f"coalesce(sum({dice_sql()}) FILTER (brain > 0), 0)"),
    **{
        name + inside: (pa.int32(), f"count(*) FILTER ({condition}{further})")
        for name, condition in _KINDS.items()
        for inside, further in (("", ""), ("_brain", " AND brain > 0"))
    },
    "overlooked": (pa.int32(), "count(*) FILTER (truth > 0 AND overlap = 0)"),
}
NAMES = tuple(_COLUMNS)
SCHEMA = pa.schema(
    [("key", pa.string()), ("bin", pa.int8()), ("third", pa.int8())]
    + [(name, kind) for name, (kind, _) in _COLUMNS.items()]
)


def sums_path(merged: Path, centre: Centre) -> Path:
    """Where the sums of a merged file lie; those of another `FORMAT` are not read."""
    return merged.with_suffix(f".{centre}-{FORMAT}")


def stored(merged: Path, centre: Centre) -> bool:
    """Whether the sums of a merged file lie beside it, with the columns of `SCHEMA`."""
    try:
        return bool(pq.read_schema(sums_path(merged, centre)).equals(SCHEMA))
    except (pa.ArrowException, OSError):
        return False


def sums_sql(slices: str, centre: Centre) -> str:
    """A row of `SCHEMA` for each row, bin and third that the slices hold; bin -1 has no depth."""
    depth = f"depth_{centre}"
    columns = ", ".join(f"{sql} AS {name}" for name, (_, sql) in _COLUMNS.items())
    return (
        f"SELECT key, {bin_sql(depth)} AS bin, {third_sql(depth)} AS third, {columns} "
        f"FROM {slices} GROUP BY key, bin, third"
    )


def keep(merged: Path) -> None:
    """Write the sums by depth of a merged file of slices beside it, unless they are there."""
    for centre in CENTRES:
        if stored(merged, centre):
            continue
        path = sums_path(merged, centre)
        with duckdb.connect() as connection, writer(path, SCHEMA) as sums:
            for batch in pq.ParquetFile(merged).iter_batches(BATCH):
                connection.register("part", pa.Table.from_batches([batch]))
                of_batch = connection.sql(sums_sql("part", centre)).to_arrow_table()
                sums.write_table(of_batch.cast(SCHEMA))


def by_convention(sums: Mapping[str, Any], empty: EmptySlices, which: Which) -> dict[str, Any]:
    """Sums of 2D Dice over the `slices` that enter, voxels, and slices that failed.

    Arrays of any one shape; `healthy` slices have brain or a prediction and no lesion.
    """
    inside, rule = "_brain" if which == "brain" else "", EMPTY_RULES[empty]
    dice, slices = sums[f"dice{inside}"], sums[f"lesion{inside}"]
    if which != "lesion":
        for name, value in (("alarms", rule.alarm), ("empty", rule.empty)):
            if value is not None:
                count = sums[f"{name}{inside}"]
                dice, slices = dice + value * count, slices + count
    healthy = sums["alarms"] + sums["empty_brain"]
    totals = {"dice": dice, "slices": slices, "lesion_slices": sums["lesion"], "healthy": healthy}
    return totals | {n: sums[n] for n in ("truth", "predicted", "overlap", "overlooked", "alarms")}
