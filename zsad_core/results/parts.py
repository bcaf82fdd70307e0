"""The files of a results folder: what their names say, and what each must hold."""

import contextlib
import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.base.atomic import whole
from zsad_core.errors import DataError
from zsad_core.results.schema import RANKED_BEFORE, READ, TABLES, VERSION

MERGED = "merged-"
LISTED = b"zsad_parts"
MERGES = "merged"  # an empty file, touched by each merge
PATIENT = {"patient": "''"}
ROOT = {"root": "''"} | PATIENT
LABELS = {"labels": "''"} | ROOT
SPLIT = {"split_name": "''", "split_digest": "''", "exposure": "NULL::VARCHAR[]"} | LABELS
LATER = {  # columns that an older version lacks, as SQL
    ("subjects", 2): {
        "ranked_on": f"'{RANKED_BEFORE}'",
        "best_threshold": "NULL::DOUBLE",
        "range_high": "NULL::DOUBLE",
        "map_notes": "NULL::VARCHAR[]",
        **SPLIT,
    },
    ("subjects", 3): SPLIT,
    ("subjects", 4): LABELS,
    ("subjects", 5): ROOT,
    ("subjects", 6): PATIENT,
}


def listed(folder: Path) -> list[Path]:
    """The Parquet files of a folder by name; quick for thousands of them."""
    try:
        with os.scandir(folder) as entries:
            names = [file.name for file in entries if file.is_file()]
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(names) if name.endswith(".parquet")]


@contextlib.contextmanager
def merged_writer(
    paths: list[Path], schema: pa.Schema, keys: set[str]
) -> Iterator[pq.ParquetWriter]:
    """`writer` of the merged file that comes after these and holds the parts of these keys."""
    numbers = (int(path.stem.removeprefix(MERGED)) for path in merges_of(paths))
    number = 1 + max(numbers, default=0)
    listing = {LISTED: "\n".join(sorted(keys)).encode()}
    schema = schema.with_metadata({**(schema.metadata or {}), **listing})
    with writer(paths[0].with_name(f"{MERGED}{number:06d}.parquet"), schema) as merged:
        yield merged


def remove_merged(path: Path) -> None:
    """Remove a file with the sums that lie beside it."""
    for file in path.parent.glob(f"{path.stem}.*"):
        file.unlink()


def merges_of(paths: list[Path]) -> list[Path]:
    """Those of them that a merge wrote, the oldest first."""
    return [path for path in paths if re.fullmatch(rf"{MERGED}\d{{6,}}", path.stem)]


def current_of(paths: list[Path]) -> list[Path]:
    """The last merged file, and the parts that it does not list."""
    merged = merges_of(paths)[-1:]
    joined = keys_of(merged)
    parts = (path for path in paths if not path.name.startswith(MERGED))
    return merged + [path for path in parts if path.stem not in joined]


@functools.lru_cache(2 * len(TABLES))
def merged_keys(folder: Path, last_merge: int) -> set[str]:
    """Keys that the folder's merged file holds, read once after each merge."""
    return keys_of(merges_of(listed(folder))[-1:])


def last_merge(root: Path) -> int:
    """When the last merge ended, in ns; 0 without any."""
    path = root / MERGES
    return path.stat().st_mtime_ns if path.exists() else 0


def keys_of(paths: list[Path]) -> set[str]:
    """Keys of parts, and of the parts that merged files hold; raises DataError."""
    keys = {path.stem for path in paths if not path.name.startswith(MERGED)}
    for path in paths:
        if path.name.startswith(MERGED):
            keys.update(_metadata(path).get(LISTED, b"").decode(errors="replace").split("\n"))
    return keys - {""}


def _metadata(path: Path) -> dict[bytes, bytes]:
    """Metadata of a file; raises DataError where it is no file of its table."""
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"'{path}' is no Parquet file that can be read; remove it and evaluate again."
        ) from error
    metadata: dict[bytes, bytes] = schema.metadata or {}
    version = metadata.get(b"zsad_schema", b"none").decode(errors="replace")
    if version not in map(str, READ):
        raise DataError(
            f"'{path}' holds rows of version {version}, and this is version {VERSION}; choose "
            "another folder."
        )
    table = path.parent.name
    later = LATER.get((table, int(version)), {})
    kinds = dict(zip(schema.names, schema.types, strict=True))
    for name, (kind, _) in TABLES[table].items():
        if name not in later and kinds.get(name) != kind:
            raise DataError(
                f"'{path}' has {kinds.get(name, 'no column')} as {name}, which must be {kind}; "
                "remove it and evaluate again."
            )
    return metadata


def version_of(path: Path) -> int:
    """The version of a file's rows; raises DataError."""
    return int(_metadata(path)[b"zsad_schema"])


@contextlib.contextmanager
def readable(root: Path) -> Iterator[None]:
    """What DuckDB or Arrow say of damaged rows in this block becomes a DataError."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # an error of the disk is reported elsewhere
            raise
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"Rows in '{root}' cannot be read ({reason}); if they changed meanwhile look again, "
            "else remove the damaged file and evaluate again."
        ) from error


@contextlib.contextmanager
def writer(path: Path, schema: pa.Schema, packed: str = "zstd") -> Iterator[pq.ParquetWriter]:
    """Writes to a temporary name that takes its place when the block has ended well."""
    with whole(path) as temporary, pq.ParquetWriter(temporary, schema, compression=packed) as rows:
        yield rows
