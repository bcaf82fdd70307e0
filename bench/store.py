"""The store of features: bytes a subject, pace beside the disk's own, and the map that follows."""

import os
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.core import seconds
from bench.report import Line
from zsad_core.base.part_files import ArrayRow
from zsad_core.base.paths import cache_root
from zsad_core.base.store import Store
from zsad_core.inference import pipeline, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import text_source
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec

SUBJECT = "DEMO-MET-017-000"
RUNS = 5
BATCH = 4  # slices that the tower gives at once


def measure() -> Iterator[Line]:
    """Lines for APRIL-GAN's features of one demo subject."""
    store, prompts = Store(cache_root() / "store"), prompt_sets.shipped()["appearance"]
    engine = Engine(store)
    slices = SliceSpec(DataSpec("demo"), SUBJECT)
    spec = pipeline.map_spec(engine, slices, "aprilgan", "brats", prompts)
    pipeline.anomaly_map(engine, spec)
    features = text_source(engine, spec).features
    parts = features.method.parts(features.recipe)
    size = store.size_bytes(features.key) / 2**20
    files = len(list(store.entry(features.key).iterdir()))
    yield Line("features of a subject, aprilgan", size, "MB")
    yield Line("files of a subject's features, aprilgan", float(files), "")
    names = sorted(store.row_names(features.key, parts))
    rows = {name: _copied(store, features.key, name, parts) for name in names}
    yield from _paces(features.key, rows)
    middle = stored_features.filled_slices(engine, slices)[-1] // 2
    for what, work in (
        ("slice", lambda engine: pipeline.slice_maps(engine, spec, [middle])),
        ("volume", lambda engine: pipeline.anomaly_map(engine, spec)),
    ):
        duration = seconds(lambda: work(Engine()))  # noqa: B023
        yield Line(f"start to the first map from stored features, {what}", duration, "s")


def _copied(store: Store, key: str, name: str, parts: Sequence[str]) -> ArrayRow:
    row = store.read_row(key, name, parts)
    assert row is not None  # its name was listed
    return {part: np.array(array) for part, array in row.items()}


def _paces(key: str, rows: dict[str, ArrayRow]) -> Iterator[Line]:
    """All rows through the store, and their bytes as one plain file, flushed to the disk.

    The median of some runs in turns, as the pace of a disk changes from second to second.
    """
    arrays = (array for row in rows.values() for array in row.values())
    content = np.concatenate([np.frombuffer(array.tobytes(), np.uint8) for array in arrays])
    names, parts, size = list(rows), list(next(iter(rows.values()))), content.nbytes / 2**20
    found = defaultdict[str, list[float]](list)
    for _ in range(RUNS):
        with TemporaryDirectory(dir=cache_root()) as folder:
            store, joined = Store(Path(folder) / "store"), Path(folder) / "one.npy"

            def write(store: Store = store) -> None:
                for start in range(0, len(names), BATCH):
                    store.append(key, {name: rows[name] for name in names[start:][:BATCH]}, {})
                _flush(store.entry(key).iterdir())

            def write_one(joined: Path = joined) -> None:
                np.save(joined, content)
                _flush([joined])

            def read(store: Store) -> None:
                for name in names:
                    _copied(store, key, name, parts)

            found["write"].append(seconds(write))
            found["write one"].append(seconds(write_one))
            _drop_from_memory([*store.entry(key).iterdir(), joined])
            fresh = Store(store.root)
            found["read"].append(seconds(lambda: read(fresh)))  # noqa: B023
            found["read one"].append(seconds(lambda: np.load(joined)))  # noqa: B023
            again = seconds(lambda: read(fresh))  # noqa: B023
    medians = {what: statistics.median(durations) for what, durations in found.items()}
    for done, what in (("written to", "write"), ("read from", "read")):
        own, one = medians[what], medians[f"{what} one"]
        yield Line(f"features {done} the disk, store", size / own, "MB/s")
        yield Line(f"features {done} the disk, as one plain file", size / one, "MB/s")
        yield Line(f"time of features {done} the disk, by that of one file", own / one, "", 1 / 0.8)
    yield Line("features read again, store", size / again, "MB/s")


def _flush(paths: Iterable[Path]) -> None:
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _drop_from_memory(paths: Iterable[Path]) -> None:
    """Drop the files from the cache of the system, where it supports that."""
    for path in paths:
        with path.open("rb") as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
