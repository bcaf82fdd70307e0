"""Rows on disk: Parquet parts that appear whole or not at all, read with DuckDB.

A part is named by the key of the work it holds. So names alone say which work is done, two runs
that do the same work write the same part, and no row is ever stored twice. `merging` joins parts in
one file that lists their names; a reader leaves out the parts that such a file lists.
"""

import contextlib
import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.base.atomic import whole
from zsad_core.base.spreadsheet import BOM, FORMULA
from zsad_core.errors import DataError, StorageError
from zsad_core.results import parts, slice_sums
from zsad_core.results.merging import settle
from zsad_core.results.queries import records
from zsad_core.results.schema import KEYS, TABLES, schema_of
from zsad_core.results.slice_sums import CENTRES, Centre, sums_sql

Row = dict[str, object]
Stamp = tuple[int, int, int]


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
    settle(root)
    # Of a few rows, packing costs twice the time and saves nothing; `merging` packs.
    with parts.writer(root / table / f"{key}.parquet", schema, "none") as part:
        part.write_table(pa.Table.from_arrays(columns, schema=schema))


def stamp(root: Path) -> Stamp:
    """Files there, the last change and their size: another one means other rows."""
    stats = [path.stat() for path in (root / "subjects").glob("*.parquet")]
    last = max((stat.st_mtime_ns for stat in stats), default=0)
    return len(stats), last, sum(stat.st_size for stat in stats)


def known(root: Path, table: str = "subjects") -> set[str]:
    """Keys of the parts that are there; raises DataError for merged rows of another version."""
    return parts.keys_of(files(root, table))


def exists(root: Path, table: str, key: str) -> bool:
    """Whether the part of a key is there; as quick among many parts as among few."""
    settle(root)
    folder = root / table
    return (folder / f"{key}.parquet").exists() or key in parts.merged_keys(
        folder, parts.last_merge(root)
    )


def files(root: Path, table: str) -> list[Path]:
    """The files that together hold each row once; raises DataError as `known` does."""
    settle(root)
    return parts.current_of(parts.listed(root / table))


def read(root: Path, table: str, key: str) -> list[dict[str, Any]]:
    """The rows of one part that is there, or that a merge has joined; raises DataError."""
    settle(root)
    path = root / table / f"{key}.parquet"
    if path.exists():
        parts.version_of(path)
        with parts.readable(root):
            return pq.read_table(path).to_pylist()
    with connect(root) as rows:
        return records(rows, f"FROM {table} WHERE {KEYS[table]} = ?", [key])


@contextlib.contextmanager
def connect(root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """`opened` for the block, which ends in a DataError where a file cannot be read."""
    with parts.readable(root), opened(root) as connection:
        yield connection


def opened(root: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection with a view for each of `TABLES`, empty where no row is.

    Rows of an older version are read too, their later columns empty. `depths_middle` and
    `depths_centroid` are the sums of `slices` by depth (`slice_sums`). Raises DataError for rows of
    another version. What is damaged inside a file shows in a query: `parts.readable` goes round it.
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
        sums = _sums(files(root, "slices"), centre)
        connection.execute(f"CREATE VIEW depths_{centre} AS {sums}")
    return connection


def _sums(paths: list[Path], centre: Centre) -> str:
    """SQL of the sums by depth of files of slices, whether stored beside them or not."""
    stored = [path for path in paths if slice_sums.stored(path, centre)]
    others = [path for path in paths if path not in stored]
    selects = [f"FROM {_read([slice_sums.sums_path(path, centre)])}" for path in stored]
    if others or not stored:
        selects.append(sums_sql(_read(others) if others else "slices", centre))
    return " UNION ALL ".join(selects)


def _view(table: str, paths: list[Path]) -> str:
    """SQL of the rows of files of any version, with the columns of this one."""
    by_version: dict[int, list[Path]] = {}
    for path in paths:
        by_version.setdefault(parts.version_of(path), []).append(path)
    selects = []
    for version, of_version in by_version.items():
        later = parts.LATER.get((table, version), {})
        columns = "".join(f", {value} AS {name}" for name, value in later.items())
        selects.append(f"SELECT *{columns} FROM {_read(of_version)}")
    names = ", ".join(TABLES[table])
    return f"SELECT {names} FROM ({' UNION ALL BY NAME '.join(selects)})"


def restrict(rows: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> None:
    """Let a connection see the rows of `subjects` with these keys alone."""
    rows.register("allowed_keys", pa.table({"key": pa.array(keys, pa.string())}))
    rows.execute("ALTER VIEW subjects RENAME TO every_subject")
    rows.execute(
        "CREATE VIEW subjects AS SELECT * FROM every_subject SEMI JOIN allowed_keys USING (key)"
    )


def _read(paths: list[Path]) -> str:
    spelled = (glob.escape(str(path)).replace("'", "''") for path in paths)  # no pattern of names
    return "read_parquet([" + ", ".join(f"'{path}'" for path in spelled) + "])"


def export_csv(root: Path, out: Path) -> list[Path]:
    """Write subjects and slices as CSV; lists become JSON, and no text is a formula.

    Raises DataError without rows, StorageError.
    """
    if not files(root, "subjects"):
        raise DataError(f"There are no results in '{root}'; run zsad evaluate.")
    written = []
    with connect(root) as connection:
        for table in ("subjects", "slices"):
            path = out / f"{table}.csv"
            columns = ", ".join(_exported(name, kind) for name, (kind, _) in TABLES[table].items())
            with whole(path) as temporary:
                ordered = connection.sql(f"SELECT {columns} FROM {table} ORDER BY ALL")
                try:
                    ordered.write_csv(str(temporary))
                except duckdb.IOException as error:
                    raise StorageError(f"'{path}' cannot be written ({error}).") from error
            written.append(path)
    return written


def _exported(name: str, kind: pa.DataType) -> str:
    """SQL of a column as it stands in CSV; the first one's name begins the file."""
    value = name
    if pa.types.is_list(kind):
        value = f"to_json({name})"
    elif kind == pa.string():
        value = f"regexp_replace({name}, '{FORMULA}', '''\\0')"
    return f'{value} AS "{BOM if name == "key" else ""}{name}"'
