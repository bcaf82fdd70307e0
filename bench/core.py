"""Without a browser: from a new subject to its map, edits of prompts, scores of candidates."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from bench.memory import peak_gb
from bench.report import Line
from zsad_core import setups
from zsad_core.base.paths import cache_root
from zsad_core.base.store import Store
from zsad_core.inference import evaluation, pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.lab import candidates, null_test
from zsad_core.metrics.readout import readout
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, MapSpec, ReadoutSpec, SliceSpec
from zsad_core.workspace import phrase_bank

# Each has a subject of its own, which nothing was made of before; the last is the aim in s.
VIEWS = (
    ("aprilgan", "brats", "DEMO-MET-015-000", 8.0),
    ("winclip", "zero-shot", "DEMO-MET-016-000", 12.0),
    ("intensity", "zero-shot", "DEMO-MET-017-000", None),
)
EDITS = 5
CANDIDATES = 1000


def seconds(work: Callable[[], object]) -> float:
    """The seconds that the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure() -> Iterator[Line]:
    """Lines for each method, "missing" for one without its files."""
    for method, setup, subject, limit in VIEWS:
        if setups.missing(setups.shipped()[method, setup]):
            yield Line(f"{method} · {setup}", "missing")
            continue
        store = Store(cache_root() / "store")
        engine, slices = Engine(store), SliceSpec(DataSpec("demo"), subject)
        prompts = prompt_sets.shipped()["appearance"]
        spec = pipeline.map_spec(engine, slices, method, setup, prompts)
        yield from _first_view(engine, spec, limit)
        if spec.features.recipe:
            yield from _prompt_edits(engine, spec)
            yield _candidates(engine, spec)
        stack, anomaly = engine.stack(slices), pipeline.anomaly_map(engine, spec)
        duration = statistics.median(
            seconds(lambda: readout(stack, anomaly, ReadoutSpec()))  # noqa: B023
            for _ in range(EDITS)
        )
        yield Line(f"{method}: readout of the volume", duration * 1000, "ms", 100)
        size = sum(map(store.size_bytes, resolve(engine, spec).entries()))
        yield Line(f"{method}: disk per subject, features", size / 2**20, "MB")
    yield from _reference_set()
    yield Line("peak memory of these steps without a browser", peak_gb(), "GB")


def _first_view(engine: Engine, spec: MapSpec, limit: float | None) -> Iterator[Line]:
    preparation = seconds(lambda: engine.stack(spec.features.slices))
    slice_map = seconds(lambda: pipeline.slice_maps(engine, spec, [_middle(engine, spec)]))
    yield Line(f"{spec.method}: new subject, made and read", preparation, "s")
    first = preparation + slice_map
    yield Line(f"{spec.method}: new subject to its first slice's map", first, "s", 8)
    volume = first + seconds(lambda: pipeline.anomaly_map(engine, spec))
    yield Line(f"{spec.method}: new subject to the whole volume's map", volume, "s", limit)


def _reference_set() -> Iterator[Line]:
    """Cubes of a subject and of the usual set, then of another subject against the same set."""
    store, prompts = Store(cache_root() / "store"), prompt_sets.shipped()["appearance"]
    engine = Engine(store)
    slices = SliceSpec(DataSpec("demo"), "DEMO-MET-018-000")
    spec = pipeline.map_spec(engine, slices, "mutual3d", "zero-shot", prompts)
    for name in (slices.subject, *spec.volumes):  # scans are made beforehand
        engine.volume(replace(slices, subject=name))
    what = f"mutual3d against {len(spec.volumes)}"
    first = seconds(lambda: pipeline.anomaly_map(engine, spec))
    yield Line(f"{what}: first map, cubes of all scans", first, "s", 40)
    next_subject = evaluation.of_subject(spec, "DEMO-MET-019-000")
    engine.volume(next_subject.features.slices)
    second = seconds(lambda: pipeline.anomaly_map(engine, next_subject))
    yield Line(f"{what}: map of another subject, its cubes", second, "s")
    source = resolve(engine, spec)
    own = set(source.entries()) - set(source.shared_entries())
    size = sum(map(store.size_bytes, own))
    yield Line("mutual3d: disk per subject, cubes", size / 2**20, "MB")


def _candidates(engine: Engine, spec: MapSpec) -> Line:
    """The aim of a search on four subjects is 1000 candidates a minute."""
    phrases = phrase_bank.phrases(phrase_bank.bank())
    pairs = null_test.random_pairs(spec.prompts, phrases, CANDIDATES)
    subjects = [spec.features.slices.subject]
    duration = seconds(lambda: candidates.measured(engine, spec, subjects, pairs))
    what = f"{spec.method}: {CANDIDATES} prompts scored on a subject"
    return Line(what, duration, "s", 60 / 4)


def _prompt_edits(engine: Engine, spec: MapSpec) -> Iterator[Line]:
    """Median over texts that were never encoded."""
    middle, prompts = _middle(engine, spec), spec.prompts
    for what, limit, work in (
        ("slice", 300, lambda edited: pipeline.slice_maps(engine, edited, [middle])),
        ("volume", 100, lambda edited: pipeline.anomaly_map(engine, edited)),
    ):
        durations = []
        for number in range(EDITS):
            texts = (*prompts.abnormal, f"{what} {number} with a new word")
            edited = replace(spec, prompts=replace(prompts, name="edited", abnormal=texts))
            durations.append(seconds(lambda: work(edited)))  # noqa: B023
        name = f"{spec.method}: prompt edit to new map, {what}"
        yield Line(name, statistics.median(durations) * 1000, "ms", limit)


def _middle(engine: Engine, spec: MapSpec) -> int:
    """The slice with most brain."""
    return int(np.argmax(engine.stack(spec.features.slices).brain.sum(axis=(1, 2))))
