"""Rows that a user deletes: all of them go or none, whenever the process is killed.

A file that names them is written first. From then on they are gone: whoever opens the folder next
removes what is left of them before anything is read or written.
"""

import json
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from zsad_core.base.atomic import locked, write_whole
from zsad_core.results import slice_sums
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
from zsad_core.results.schema import KEYS

DELETED = "deleted.json"  # keys by their column, until nothing is left of them


def delete(root: Path, keys: Collection[str]) -> None:
    """Delete the rows of `subjects` with these keys, and their slices.

    Curve and levels of a map go with the last of its rows. Another process that reads the files at
    this moment is told to look again. Raises DataError, StorageError.
    """
    with locked(root / "merge"), readable(root):
        finish(root)
        kept, gone = set[str](), set[str]()
        for path in current_of(listed(root / "subjects")):
            for row in pq.read_table(path, columns=["key", "map"]).to_pylist():
                (gone if row["key"] in keys else kept).add(row["map"])
        names = {"key": sorted(keys), "map": sorted(gone - kept)}
        write_whole(root / DELETED, json.dumps(names))
        finish(root)


def settle(root: Path) -> None:
    """Finish a deletion that another process began, or wait for its end."""
    if (root / DELETED).exists():
        with locked(root / "merge"), readable(root):
            finish(root)


def finish(root: Path) -> None:
    """What `settle` does, for who holds the lock of `merge`."""
    path = root / DELETED
    if not path.exists():
        return
    names = json.loads(path.read_text("utf-8"))
    for table, column in KEYS.items():
        _remove(root / table, column, set(names[column]))
    for merged in merges_of(listed(root / "slices")):
        slice_sums.keep(merged)
    (root / MERGES).touch()
    path.unlink()


def _remove(folder: Path, column: str, keys: set[str]) -> None:
    """Remove rows and their parts, and merged files of before."""
    paths = listed(folder)
    replaced = merges_of(paths)
    joined = keys_of(replaced[-1:])
    for path in paths:
        if path.stem in keys:
            path.unlink()
    if keys.isdisjoint(joined):
        replaced = replaced[:-1]
    else:
        with (
            pq.ParquetFile(replaced[-1]) as rows,
            merged_writer(paths, rows.schema_arrow, joined - keys) as merged,
        ):
            for group in range(rows.num_row_groups):
                found = rows.read_row_group(group)
                remain = [key not in keys for key in found[column].to_pylist()]
                merged.write_table(found.filter(pa.array(remain)))
    for path in replaced:
        remove_merged(path)
