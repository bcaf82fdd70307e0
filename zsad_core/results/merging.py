"""The parts of each table joined in one file, and rows deleted, all of them or none.

Sums by depth lie beside the file of slices. A file that names the rows to delete is written first.
From then on they are gone: whoever opens the folder next removes what is left of them before
anything is read or written.
"""

import json
import os
import time
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.base.atomic import locked, write_whole
from zsad_core.results import parts, slice_sums
from zsad_core.results.schema import KEYS, RANKED_BEFORE, TABLES, schema_of

GROUPS = {"subjects": 5_000, "slices": 50_000, "curves": 200, "levels": 5_000}
"""Rows of a row group, about 10 MB."""
SMALL = 50  # batches at which they are made one: each has its own overhead, however few its rows
BEFORE = dict.fromkeys(("split_name", "split_digest", "labels", "root", "patient"), "")
BEFORE["ranked_on"] = RANKED_BEFORE  # of older rows
DELETED = "deleted.json"  # keys by their column, until nothing is left of them
READ_ON_S = 600.0  # for so long a replaced file stays for its readers


def merge(root: Path) -> None:
    """Join the parts of each table into one file, in memory that does not grow with them.

    One process at a time; parts that others append meanwhile stay as they are. What a file
    replaces is removed by a merge some minutes later, so that a reader keeps what it has opened.
    Raises DataError, StorageError.
    """
    with locked(root / "merge"), parts.readable(root):
        finish(root)
        for table in TABLES:
            # One look at the folder: what others append from here on belongs to the next merge.
            paths = parts.listed(root / table)
            current = parts.current_of(paths)
            for path in set(paths) - set(current):
                if path.stat().st_mtime < time.time() - READ_ON_S:
                    parts.remove_merged(path)
            if len(current) > 1:
                _join(schema_of(table), current, GROUPS[table])
                for path in current:
                    os.utime(path)  # the time when it was replaced
        for path in parts.merges_of(parts.listed(root / "slices"))[-1:]:
            slice_sums.keep(path)
        (root / parts.MERGES).touch()


def delete(root: Path, keys: Collection[str]) -> None:
    """Delete the rows of `subjects` with these keys, and their slices.

    Curve and levels of a map go with the last of its rows. Another process that reads the files at
    this moment is told to look again. Raises DataError, StorageError.
    """
    with locked(root / "merge"), parts.readable(root):
        finish(root)
        paths = parts.current_of(parts.listed(root / "subjects"))
        rows = [row for p in paths for row in pq.read_table(p, columns=["key", "map"]).to_pylist()]
        maps = {row["map"] for row in rows} - {row["map"] for row in rows if row["key"] not in keys}
        names = {"key": sorted(keys), "map": sorted(maps)}
        write_whole(root / DELETED, json.dumps(names))
        finish(root)


def settle(root: Path) -> None:
    """Finish a deletion that another process began, or wait for its end."""
    if (root / DELETED).exists():
        with locked(root / "merge"), parts.readable(root):
            finish(root)


def finish(root: Path) -> None:
    """What `settle` does, for who holds the lock of `merge`."""
    path = root / DELETED
    if not path.exists():
        return
    names = json.loads(path.read_text("utf-8"))
    for table, column in KEYS.items():
        _remove(root / table, column, set(names[column]))
    for merged in parts.merges_of(parts.listed(root / "slices")):
        slice_sums.keep(merged)
    (root / parts.MERGES).touch()
    path.unlink()


def _remove(folder: Path, column: str, keys: set[str]) -> None:
    """Remove rows and their parts, and merged files of before."""
    paths = parts.listed(folder)
    replaced = parts.merges_of(paths)
    joined = parts.keys_of(replaced[-1:])
    for path in paths:
        if path.stem in keys:
            path.unlink()
    if keys.isdisjoint(joined):
        replaced = replaced[:-1]
    else:
        with (
            pq.ParquetFile(replaced[-1]) as rows,
            parts.merged_writer(paths, rows.schema_arrow, joined - keys) as merged,
        ):
            for group in range(rows.num_row_groups):
                table = rows.read_row_group(group)
                remain = [key not in keys for key in table[column].to_pylist()]
                merged.write_table(table.filter(pa.array(remain)))
    for path in replaced:
        parts.remove_merged(path)


def _join(schema: pa.Schema, paths: list[Path], group: int) -> None:
    with parts.merged_writer(paths, schema, parts.keys_of(paths)) as merged:
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
