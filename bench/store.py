"""The store of features: bytes a subject, pace beside the disk's own, and the map that follows."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.core import seconds
from bench.report import Line
from zsad_core import pipeline, prompt_sets, stored_features
from zsad_core.engine import Engine
from zsad_core.places import cache_root
from zsad_core.store import Store
from zsad_core.types import DataSpec, SliceSpec

SUBJECT = "DEMO-MET-017-000"


def measure() -> Iterator[Line]:
    """Lines for APRIL-GAN's features of one demo subject."""
    engine, prompts = Engine(), prompt_sets.shipped()["appearance"]
    slices = SliceSpec(DataSpec("demo"), SUBJECT)
    spec = pipeline.map_spec(engine, slices, "aprilgan", "brats", prompts)
    pipeline.anomaly_map(engine, spec)
    key = stored_features.feature_key(engine, spec.features)
    names = sorted(engine.store.names(key))
    size = engine.store.size_bytes(key) / 2**20
    yield Line("store: features of a subject, aprilgan", size, "MB")
    yield Line("store: files of a subject, aprilgan", float(len(names)), "")
    arrays = {name: np.array(engine.store.read(key, name)) for name in names}
    with TemporaryDirectory(dir=cache_root()) as folder:
        yield from _paces(Path(folder), key, arrays)
    for what, work in (
        ("slice", lambda new: pipeline.slice_levels(new, spec, [len(arrays) // 2])),
        ("volume", lambda new: pipeline.anomaly_map(new, spec)),
    ):
        spent = seconds(lambda: work(Engine()))  # noqa: B023
        yield Line(f"store: to the first map from stored features, {what}", spent, "s")


def _paces(root: Path, key: str, arrays: dict[str, np.ndarray]) -> Iterator[Line]:
    """Everything through the store, and as one plain file; both until the disk has it."""
    store, plain = Store(root / "store"), root / "plain.npy"
    whole = np.concatenate([np.frombuffer(array.tobytes(), np.uint8) for array in arrays.values()])

    def write() -> None:
        for name, array in arrays.items():
            store.write(key, name, array, {})
        _on_disk(store.entry(key))

    def save() -> None:
        np.save(plain, whole)
        _on_disk(root)

    def read(new: Store) -> None:
        for name in arrays:
            np.array(new.read(key, name))

    size = whole.nbytes / 2**20
    yield Line("store: write", size / seconds(write), "MB/s")
    yield Line("store: the same bytes as one plain file", size / seconds(save), "MB/s")
    for what, work in (
        ("read and checked, from disk", lambda: read(Store(store.root))),
        ("the same bytes as one plain file, from disk", lambda: np.load(plain)),
    ):
        _out_of_memory(store.entry(key), root)
        yield Line(f"store: {what}", size / seconds(work), "MB/s")
    read(store)
    yield Line("store: read again", size / seconds(lambda: read(store)), "MB/s")


def _on_disk(folder: Path) -> None:
    for path in folder.glob("*.npy"):
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _out_of_memory(*folders: Path) -> None:
    """Have the system drop what it holds of the files, where it can be asked to."""
    for path in (path for folder in folders for path in folder.glob("*.npy")):
        with path.open("rb") as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
