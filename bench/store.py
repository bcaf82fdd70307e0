"""The store of features: bytes a subject, pace beside the disk's own, and the map that follows."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.core import seconds
from bench.report import Line
from zsad_core.base.paths import cache_root
from zsad_core.base.store import Store
from zsad_core.inference import pipeline, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec

SUBJECT = "DEMO-MET-017-000"
BATCH = 4  # slices that the tower gives at once


def measure() -> Iterator[Line]:
    """Lines for APRIL-GAN's features of one demo subject."""
    store, prompts = Store(cache_root() / "store"), prompt_sets.shipped()["appearance"]
    engine = Engine(store)
    slices = SliceSpec(DataSpec("demo"), SUBJECT)
    spec = pipeline.map_spec(engine, slices, "aprilgan", "brats", prompts)
    pipeline.anomaly_map(engine, spec)
    key = stored_features.feature_key(engine, spec.features)
    names = sorted(store.names(key))
    size = store.size_bytes(key) / 2**20
    yield Line("features of a subject, aprilgan", size, "MB")
    yield Line("files of a subject's features, aprilgan", float(len(names)), "")
    arrays = {name: np.array(store.read(key, name)) for name in names}
    with TemporaryDirectory(dir=cache_root()) as folder:
        yield from _paces(Path(folder), key, arrays)
    middle = stored_features.filled_slices(engine, slices)[-1] // 2
    for what, work in (
        ("slice", lambda engine: pipeline.slice_maps(engine, spec, [middle])),
        ("volume", lambda engine: pipeline.anomaly_map(engine, spec)),
    ):
        duration = seconds(lambda: work(Engine()))  # noqa: B023
        yield Line(f"start to the first map from stored features, {what}", duration, "s")


def _paces(root: Path, key: str, arrays: dict[str, np.ndarray]) -> Iterator[Line]:
    """All arrays through the store, as plain files, and as one file, flushed to the disk."""
    store, names = Store(root / "store"), list(arrays)
    content = np.concatenate(
        [np.frombuffer(array.tobytes(), np.uint8) for array in arrays.values()]
    )
    size = content.nbytes / 2**20

    def write() -> None:
        for start in range(0, len(names), BATCH):
            batch = {name: arrays[name] for name in names[start : start + BATCH]}
            store.write_all(key, batch, {})

    def save(folder: Path, contents: dict[str, np.ndarray]) -> None:
        folder.mkdir()
        for name, array in contents.items():
            np.save(folder / name, array)

    def load(folder: Path) -> None:
        for path in sorted(folder.glob("*.npy")):
            np.load(path)

    def read(fresh_store: Store) -> None:
        for name in names:
            np.array(fresh_store.read(key, name))

    files, joined = root / "plain", root / "one"
    for folder, what, write_all, read_all in (
        (store.entry(key), "store", write, lambda: read(Store(store.root))),
        (files, "as plain files", lambda: save(files, arrays), lambda: load(files)),
        (joined, "as one plain file", lambda: save(joined, {"one": content}), lambda: load(joined)),
    ):
        duration = seconds(write_all) + seconds(lambda: _flush(folder))  # noqa: B023
        _drop_from_memory(folder)
        yield Line(f"features written to the disk, {what}", size / duration, "MB/s")
        yield Line(f"features read from the disk, {what}", size / seconds(read_all), "MB/s")
    read(store)
    yield Line("features read again, store", size / seconds(lambda: read(store)), "MB/s")


def _flush(folder: Path) -> None:
    for path in folder.glob("*.npy"):
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _drop_from_memory(folder: Path) -> None:
    """Drop the files from the cache of the system, where it supports that."""
    for path in folder.glob("*.npy"):
        with path.open("rb") as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
