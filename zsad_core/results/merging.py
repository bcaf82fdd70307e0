"""The parts of each table joined in one file; sums by depth lie beside that of slices."""

import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.base.atomic import locked
from zsad_core.results import slice_sums
from zsad_core.results.deletion import finish
from zsad_core.results.parts import (
    MERGES,
    current_of,
    keys_of,
    listed,
    merged_writer,
    merges_of,
    readable,
    remove_merged,
)
from zsad_core.results.schema import RANKED_BEFORE, TABLES, schema_of

GROUPS = {"subjects": 5_000, "slices": 50_000, "curves": 200, "levels": 5_000}
"""Rows of a row group, about 10 MB."""
SMALL = 50  # batches at which they are made one: each has its own overhead, however few its rows
BEFORE = {  # of older rows
    "ranked_on": RANKED_BEFORE,
    "split_name": "",
    "split_digest": "",
    "labels": "",
    "root": "",
}
READ_ON_S = 600.0  # for so long a replaced file stays for its readers


def merge(root: Path) -> None:
    """Join the parts of each table into one file, in memory that does not grow with them.

    One process at a time; parts that others append meanwhile stay as they are. What a file
    replaces is removed by a merge some minutes later, so that a reader keeps what it has opened.
    Raises DataError, StorageError.
    """
    with locked(root / "merge"), readable(root):
        finish(root)
        for table in TABLES:
            # One look at the folder: what others append from here on belongs to the next merge.
            paths = listed(root / table)
            current = current_of(paths)
            for path in set(paths) - set(current):
                if path.stat().st_mtime < time.time() - READ_ON_S:
                    remove_merged(path)
            if len(current) > 1:
                _join(schema_of(table), current, GROUPS[table])
                for path in current:
                    os.utime(path)  # the time when it was replaced
        for path in merges_of(listed(root / "slices"))[-1:]:
            slice_sums.keep(path)
        (root / MERGES).touch()


def _join(schema: pa.Schema, paths: list[Path], group: int) -> None:
    with merged_writer(paths, schema, keys_of(paths)) as merged:
        waiting, rows = [], 0
        for path in paths:
            for batch in pq.ParquetFile(path).iter_batches(group):
                waiting += _upgraded(batch, schema).to_batches()
                rows += len(batch)
                if len(waiting) >= SMALL:
                    waiting = _rows(waiting, schema).combine_chunks().to_batches()
                if rows >= group:
                    merged.write_table(_rows(waiting, schema), group)
                    waiting, rows = [], 0
        if waiting:
            merged.write_table(_rows(waiting, schema), group)


def _rows(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(batches).cast(schema)


def _upgraded(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """Rows of any version under this one's schema."""
    table = pa.Table.from_batches([batch])
    for field in schema:
        if field.name not in table.schema.names:
            value = BEFORE.get(field.name)
            table = table.append_column(field, pa.repeat(pa.scalar(value, field.type), len(table)))
    return table.select(schema.names).cast(schema)
