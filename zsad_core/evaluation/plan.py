"""What an evaluation will take, told before it begins."""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from zsad_core.base.wording import counted
from zsad_core.evaluation.tasks import (
    Cohort,
    Run,
    groups,
    spec_of,
    subjects,
    tuning_subjects,
)
from zsad_core.inference import evaluation, pipeline, stored_cubes, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.methods import VolumeMethod
from zsad_core.results import parquet as results
from zsad_core.results import subject_rows
from zsad_core.types import AnomalyMap, FeatureSpec, MapSpec, ReadoutSpec, Subject, Threshold


@dataclass(frozen=True)
class Plan:
    """Subjects and how many more to tune on, maps and volumes: wanted, there already, to do.

    What there is of a scan is known once it was read; those `unread` count as to do. `seconds` and
    `gigabytes` of features are estimates from one batch of each recipe and one reading, timed now,
    None where they were not. A method for whole volumes encodes its unlabelled set too, and one
    comparison of volumes is timed.
    """

    subjects: int
    tuning: int
    runs: int
    maps_there: int
    volumes_stored: int
    volumes_to_encode: int
    unread: int
    seconds: float | None = None
    gigabytes: float | None = None

    def __str__(self) -> str:
        wanted = (self.subjects + self.tuning) * self.runs
        tuned = f" and {self.tuning} to tune thresholds on" if self.tuning else ""
        evaluated = (
            f"{self.maps_there} already evaluated" if self.maps_there else "none evaluated yet"
        )
        told = (
            f"{counted(self.subjects, 'subject')}{tuned}, {counted(self.runs, 'run')}: "
            f"{counted(wanted, 'map')}, {evaluated}.\n"
            f"{counted(self.volumes_to_encode, 'volume')} to encode, {self.volumes_stored} stored."
        )
        if self.unread:
            told += f" {counted(self.unread, 'scan')} not opened yet, counted as not encoded."
        if self.seconds is None or self.gigabytes is None:
            return told
        return f"{told} About {duration(self.seconds)} and {self.gigabytes:.1f} GB of features."


def plan(engine: Engine, cohort: Cohort, timed: bool = True) -> Plan:
    """Count what is there and what is to do, and time one batch of each recipe to be encoded.

    What is timed is kept.
    """
    chosen, tuning = subjects(cohort), tuning_subjects(cohort)
    everyone = list(dict.fromkeys(chosen + tuning))
    unread = _unread(engine, cohort, everyone)
    there = results.known(cohort.out, "curves")
    maps_there = stored = to_encode = 0
    seconds = size = 0.0
    for runs in groups(engine, cohort):
        found = {one: _maps_there(engine, cohort, one, runs, there) for one in everyone}
        maps_there += sum(found.values())
        specs = {one: spec_of(engine, cohort, one.id, runs[0]) for one in everyone}
        if isinstance(pipeline.method_of(specs[everyone[0]]), VolumeMethod):
            lacking = [specs[one] for one in everyone if found[one] < len(runs)]
            volumes, more, (spent, taken) = _cubes(engine, lacking, timed)
            stored, to_encode = stored + volumes - more, to_encode + more
            seconds, size = seconds + spent, size + taken
            if lacking and timed:
                left = len(everyone) * len(runs) - sum(found.values())
                seconds += stored_cubes.comparing(engine, lacking[0]) * left
            continue
        encoded = [one for one, spec in specs.items() if spec.features.recipe]
        held = [one for one in encoded if stored_features.complete(engine, specs[one].features)]
        todo = [specs[one] for one in encoded if one not in held and found[one] < len(runs)]
        stored += len(held)
        to_encode += len(todo)
        if todo and timed:
            each = _encoding(engine, todo[0], cohort.batch)
            seconds, size = seconds + each[0] * len(todo), size + each[1] * len(todo)
    maps_left = len(everyone) * len(cohort.runs) - maps_there
    if timed and maps_left:
        first = spec_of(engine, cohort, everyone[0].id, cohort.runs[0])
        seconds += _reading(engine, first) * maps_left
    counts = (len(chosen), len(everyone) - len(chosen), len(cohort.runs))
    costs = (seconds, size / 2**30) if timed else (None, None)
    return Plan(*counts, maps_there, stored, to_encode, unread, *costs)


def duration(seconds: float) -> str:
    """Hours, minutes or seconds, as a person says it.

    >>> duration(5400), duration(100), duration(3)
    ('1.5 h', '2 min', '3 s')
    """
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _unread(engine: Engine, cohort: Cohort, everyone: list[Subject]) -> int:
    """How many scans, those that volumes are scored against included, were never read."""
    firsts = [spec_of(engine, cohort, everyone[0].id, runs[0]) for runs in groups(engine, cohort)]
    names = {one.id for one in everyone}.union(*(spec.volumes for spec in firsts))
    slices = [replace(firsts[0].features.slices, subject=name) for name in names]
    return sum(not engine.known_digest(one) for one in slices)


def _maps_there(
    engine: Engine, cohort: Cohort, subject: Subject, runs: tuple[Run, ...], there: set[str]
) -> int:
    """How many of the runs of a subject were read before; 0 for a scan that was never read."""
    specs = [spec_of(engine, cohort, subject.id, one) for one in runs]
    if not engine.known_digest(specs[0].features.slices):
        return 0
    return sum(evaluation.map_key(engine, spec) in there for spec in specs)


def _cubes(
    engine: Engine, specs: list[MapSpec], timed: bool
) -> tuple[int, int, tuple[float, float]]:
    """Volumes that maps against a set need, how many lack cubes, and (seconds, bytes) of those."""
    if not specs:
        return 0, 0, (0.0, 0.0)
    subjects = (spec.features.slices.subject for spec in specs)
    names = dict.fromkeys([*subjects, *specs[0].volumes])
    todo = stored_cubes.missing(engine, specs[0], names)
    lacking = {features.slices.subject for features, _ in todo}
    costs = stored_cubes.costs(engine, specs[0], todo) if todo and timed else (0.0, 0.0)
    return len(names), len(lacking), costs


def _encoding(engine: Engine, spec: MapSpec, size: int) -> tuple[float, float]:
    """(seconds, bytes) of encoding a volume, from the batch in its middle; zeros if untimed."""
    filled = stored_features.filled_slices(engine, spec.features.slices)
    batches = math.ceil(len(filled) / size)
    middle = filled[batches // 2 * size :][:size]
    engine.tower(spec.features.backbone, spec.features.precision)
    began = time.monotonic()
    if not pipeline.encode(engine, spec, middle, size=size):
        return 0.0, 0.0
    spent = time.monotonic() - began
    kept = stored_features.kept_patches(engine, spec.features).sum(axis=(1, 2))
    share = kept[filled].sum() / kept[middle].sum()
    return spent * batches, _bytes(engine, spec.features, middle) * share


def _bytes(engine: Engine, features: FeatureSpec, slices: list[int]) -> int:
    entry = engine.store.entry(stored_features.feature_key(engine, features))
    return sum(path.stat().st_size for s in slices for path in entry.glob(f"{s:03d}-*"))


def _reading(engine: Engine, spec: MapSpec) -> float:
    """Seconds of all metrics of one map, timed on a scan whose own brightness is the map."""
    stack = engine.stack(spec.features.slices)
    values = stack.image.astype(np.float32) / 255
    anomaly = AnomalyMap(values, np.where(stack.brain.any(axis=(1, 2)), 1.0, np.nan), 1.0)
    began = time.monotonic()
    measured = subject_rows.measure(stack, anomaly)
    subject_rows.curve_rows(stack, anomaly, "")
    readout = ReadoutSpec(threshold=float(np.nan_to_num(measured.best_threshold, nan=1.0)))
    fixed = Threshold(readout.threshold, "fixed")
    subject_rows.read_rows(stack, anomaly, measured, readout, fixed)
    return time.monotonic() - began
