"""Rows on disk: Parquet parts that appear whole or not at all, read with DuckDB.

A part is named by the key of the work it holds. So what is there is told by names alone, two runs
that do the same work write the same part, and nothing is ever there twice. `merge` joins parts into
one file that lists their names; a reader leaves out the parts that such a file lists.
"""

import contextlib
import glob
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.base.atomic import locked, whole
from zsad_core.errors import DataError, StorageError
from zsad_core.results import slice_sums
from zsad_core.results.parts import (
    LATER,
    LISTED,
    MERGED,
    MERGES,
    current_of,
    keys_of,
    last_merge,
    listed,
    merged_keys,
    merges_of,
    number_of,
    version_of,
)
from zsad_core.results.schema import RANKED_BEFORE, TABLES, schema_of
from zsad_core.results.slice_sums import CENTRES, Centre, sums_sql
from zsad_core.results.slice_sums import SCHEMA as SUMS

Row = dict[str, object]
GROUPS = {
    "subjects": 5_000,
    "slices": 50_000,
    "curves": 200,
    "levels": 5_000,
}  # rows a row group: 10 MB
SMALL = 50  # batches at which they are made one: each has its own overhead, however few its rows
BEFORE = {"ranked_on": RANKED_BEFORE, "split_name": "", "split_digest": ""}  # of older rows
READ_ON_S = 600.0  # a file that was replaced stays so long for who reads it


def append(root: Path, table: str, key: str, rows: Sequence[Row]) -> None:
    """Write the part of a key; it appears whole, and one that is there is replaced."""
    schema = schema_of(table)
    for row in rows:
        if odd := row.keys() ^ set(schema.names):
            raise ValueError(f"columns of {table} that lack or are unknown: {sorted(odd)}")
    columns = [  # from_pandas: NaN becomes null
        pa.array([row[field.name] for row in rows], field.type, from_pandas=True)
        for field in schema
    ]
    # Of a few rows, packing costs twice the time and saves nothing; `merge` packs.
    with _writer(root / table / f"{key}.parquet", schema, "none") as writer:
        writer.write_table(pa.Table.from_arrays(columns, schema=schema))


def known(root: Path, table: str = "subjects") -> set[str]:
    """Keys of the parts that are there; raises DataError for merged rows of another version."""
    return keys_of(files(root, table))


def there(root: Path, table: str, key: str) -> bool:
    """Whether the part of a key is there; as quick among many parts as among few."""
    folder = root / table
    return (folder / f"{key}.parquet").exists() or key in merged_keys(folder, last_merge(root))


def files(root: Path, table: str) -> list[Path]:
    """The files that together hold each row once; raises DataError as `known` does."""
    return current_of(listed(root / table))


def read(root: Path, table: str, key: str) -> list[dict[str, Any]]:
    """The rows of one part that is there, or that a merge has joined; raises DataError."""
    path = root / table / f"{key}.parquet"
    if path.exists():
        version_of(path)
        with readable(root):
            return pq.read_table(path).to_pylist()
    name = "map" if table in ("curves", "levels") else "key"
    with connect(root) as rows:
        found = rows.execute(f"FROM {table} WHERE {name} = ?", [key])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextlib.contextmanager
def connect(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """`opened` for the block, which ends in a DataError where a file cannot be read."""
    with readable(root), opened(root) as connection:
        yield connection


@contextlib.contextmanager
def readable(root: Path) -> Iterator[None]:
    """What DuckDB or Arrow say of damaged rows in this block becomes a DataError."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # of the disk, which is told elsewhere
            raise
        said = " ".join(str(error).split())[:300]
        raise DataError(
            f"Rows in '{root}' cannot be read ({said}); if they changed meanwhile look again, else "
            "remove the damaged file and evaluate again."
        ) from error


def opened(root: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with a view for each of `TABLES`, empty where no row is.

    Rows of an older version are read too, their later columns empty.
    `depths_middle` and `depths_centroid` are the sums of `slices` by depth (`slice_sums`). Raises
    DataError for rows of another version. What is damaged inside a file shows in a query:
    `readable` goes round it.
    """
    connection = duckdb.connect()
    for table in TABLES:
        paths = files(root, table)
        if paths:
            connection.execute(f"CREATE VIEW {table} AS {_view(table, paths)}")
        else:
            connection.register("nothing", schema_of(table).empty_table())
            connection.execute(f"CREATE TABLE {table} AS FROM nothing")  # for its cursors too
            connection.unregister("nothing")
    for centre in CENTRES:
        made = _sums(files(root, "slices"), centre)
        connection.execute(f"CREATE VIEW depths_{centre} AS {made}")
    return connection


def _sums(paths: list[Path], centre: Centre) -> str:
    """SQL of the sums by depth of files of slices, those that are kept and the others."""
    kept = {path: one for path in paths if _holds_sums(one := slice_sums.sums_path(path, centre))}
    others = [path for path in paths if path not in kept]
    found = [f"FROM {_read([one])}" for one in kept.values()]
    if others or not kept:
        found.append(sums_sql(_read(others) if others else "slices", centre))
    return " UNION ALL ".join(found)


def _view(table: str, paths: list[Path]) -> str:
    """SQL of the rows of files of any version, with the columns of this one."""
    by_version: dict[int, list[Path]] = {}
    for path in paths:
        by_version.setdefault(version_of(path), []).append(path)
    parts = []
    for version, some in by_version.items():
        more = LATER.get((table, version), {})
        told = "".join(f", {value} AS {name}" for name, value in more.items())
        parts.append(f"SELECT *{told} FROM {_read(some)}")
    names = ", ".join(TABLES[table])
    return f"SELECT {names} FROM ({' UNION ALL BY NAME '.join(parts)})"


def _read(paths: list[Path]) -> str:
    spelled = (glob.escape(str(path)).replace("'", "''") for path in paths)  # no pattern of names
    return "read_parquet([" + ", ".join(f"'{path}'" for path in spelled) + "])"


def merge(root: Path) -> None:
    """Join the parts of each table into one file, in memory that does not grow with them.

    One process at a time; parts that others append meanwhile stay as they are. What a file
    replaces is removed by a merge some minutes later, so that a reader keeps what it has opened.
    Raises DataError, StorageError.
    """
    with locked(root / "merge"), readable(root):
        for table in TABLES:
            # One look at the folder: what others append from here on belongs to the next merge.
            found = listed(root / table)
            current = current_of(found)
            for path in set(found) - set(current):
                if path.stat().st_mtime < time.time() - READ_ON_S:
                    for one in path.parent.glob(f"{path.stem}.*"):  # with its sums
                        one.unlink()
            if len(current) > 1:
                _join(root / table, schema_of(table), current, GROUPS[table])
                for path in current:
                    os.utime(path)  # the time when it was replaced
        for path in merges_of(listed(root / "slices"))[-1:]:
            keep_sums(path)
        (root / MERGES).touch()


def _join(folder: Path, schema: pa.Schema, paths: list[Path], group: int) -> None:
    names = "\n".join(sorted(keys_of(paths)))
    schema = schema.with_metadata({**(schema.metadata or {}), LISTED: names.encode()})
    number = 1 + max(number_of(path) for path in paths)
    with _writer(folder / f"{MERGED}{number:06d}.parquet", schema) as writer:
        waiting, rows = [], 0
        for path in paths:
            for batch in pq.ParquetFile(path).iter_batches(group):
                waiting += _upgraded(batch, schema).to_batches()
                rows += len(batch)
                if len(waiting) >= SMALL:
                    waiting = _rows(waiting, schema).combine_chunks().to_batches()
                if rows >= group:
                    writer.write_table(_rows(waiting, schema), group)
                    waiting, rows = [], 0
        if waiting:
            writer.write_table(_rows(waiting, schema), group)


def keep_sums(merged: Path) -> None:
    """Write the sums by depth of a merged file of slices beside it, unless they are there."""
    for centre in CENTRES:
        path = slice_sums.sums_path(merged, centre)
        if _holds_sums(path):
            continue
        with duckdb.connect() as own, _writer(path, SUMS) as writer:
            for batch in pq.ParquetFile(merged).iter_batches(GROUPS["slices"]):
                own.register("part", pa.Table.from_batches([batch]))
                made = own.sql(sums_sql("part", centre)).to_arrow_table()
                writer.write_table(made.cast(SUMS))


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


def _holds_sums(path: Path) -> bool:
    """Whether sums are there, of today's columns."""
    try:
        return bool(pq.read_schema(path).equals(SUMS))
    except (pa.ArrowException, OSError):
        return False


def export_csv(root: Path, out: Path) -> list[Path]:
    """Write subjects and slices as CSV; lists become JSON. Raises DataError without rows."""
    if not files(root, "subjects"):
        raise DataError(f"There are no results in '{root}'; run python -m zsad_core evaluate.")
    written = []
    with connect(root) as connection:
        for table in ("subjects", "slices"):
            path = out / f"{table}.csv"
            lists = [n for n, (kind, _) in TABLES[table].items() if pa.types.is_list(kind)]
            told = ", ".join(f"to_json({name}) AS {name}" for name in lists)
            chosen = f"* REPLACE ({told})" if lists else "*"
            with whole(path) as temporary:
                ordered = connection.sql(f"SELECT {chosen} FROM {table} ORDER BY ALL")
                try:
                    ordered.write_csv(str(temporary))
                except duckdb.IOException as error:
                    raise StorageError(f"'{path}' cannot be written ({error}).") from error
            written.append(path)
    return written


@contextlib.contextmanager
def _writer(path: Path, schema: pa.Schema, packed: str = "zstd") -> Iterator[pq.ParquetWriter]:
    """Writes to a temporary name that takes its place when the block has ended well."""
    with whole(path) as temporary, pq.ParquetWriter(temporary, schema, compression=packed) as made:
        yield made
