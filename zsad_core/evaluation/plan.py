"""What an evaluation will take, estimated before it begins."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from zsad_core.base.wording import counted
from zsad_core.errors import DataError
from zsad_core.evaluation import keeping
from zsad_core.evaluation.rows import row_keys
from zsad_core.evaluation.tasks import (
    Cohort,
    Configuration,
    Keep,
    groups,
    spec_of,
    subjects,
    tuning_subjects,
    without_file,
)
from zsad_core.evaluation.tuning import thresholds_of
from zsad_core.inference import stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import MapSource, SliceSource, VolumeSource, resolve
from zsad_core.results import parquet as results
from zsad_core.results import subject_rows
from zsad_core.types import AnomalyMap, MapSpec, ReadoutSpec, Subject, Threshold


@dataclass(frozen=True)
class Workload:
    """How many subjects, maps and volumes an evaluation has, and how many of them are done.

    `tuning` subjects are evaluated to tune thresholds alone. A map is evaluated where all
    its rows are in the results. What is stored of a scan is known once the scan was read; `unread`
    scans count as to do. `seconds`, and `gigabytes` that the disk takes under each choice of what
    is kept, are estimated from one timed batch of each recipe and one timed reading; None where
    nothing was timed. A method for whole volumes encodes its unlabelled set too, and one comparison
    of volumes is timed. `absent` maps are of subjects to tune on that predictions have no file of.
    """

    subjects: int
    tuning: int
    configurations: int
    maps_evaluated: int
    volumes_stored: int
    volumes_to_encode: int
    unread: int
    seconds: float | None = None
    gigabytes: dict[Keep, float] | None = None
    absent: int = 0

    def __str__(self) -> str:
        maps = (self.subjects + self.tuning) * self.configurations - self.absent
        tuned = f" and {self.tuning} to tune thresholds on" if self.tuning else ""
        evaluated = (
            f"{self.maps_evaluated} already evaluated"
            if self.maps_evaluated
            else "none evaluated yet"
        )
        text = (
            f"{counted(self.subjects, 'subject')}{tuned}, "
            f"{counted(self.configurations, 'configuration')}: "
            f"{counted(maps, 'map')}, {evaluated}.\n"
            f"{counted(self.volumes_to_encode, 'volume')} to encode, {self.volumes_stored} stored."
        )
        if self.unread:
            text += f" {counted(self.unread, 'scan')} not opened yet, counted as not encoded."
        if self.seconds is None or self.gigabytes is None:
            return text
        sizes = {
            name: f"{size:.1f} GB" if size >= 0.05 else "under 0.1 GB"
            for name, size in self.gigabytes.items()
        }
        choices = ", ".join(f"{size} with {name}" for name, size in sizes.items())
        return f"{text} About {duration(self.seconds)}; on the disk, by what is kept: {choices}."


def plan(engine: Engine, cohort: Cohort, timed: bool = True) -> Workload:
    """Count what is done and what is to do, and time one batch of each recipe to be encoded.

    The batch is stored, so that it is not encoded again.
    """
    chosen = subjects(cohort)
    tuning = tuning_subjects(cohort, chosen)
    everyone = list(dict.fromkeys(chosen + tuning))
    unread = _unread(engine, cohort, everyone)
    evaluated = _evaluated(engine, cohort, chosen, tuning)
    stored = to_encode = 0
    seconds = features = maps = at_once = 0.0
    for sharing in groups(engine, cohort):
        sources = {
            subject: resolve(engine, spec_of(engine, cohort, subject.id, sharing[0]))
            for subject in everyone
        }
        left = {
            subject: sum((subject, each) not in evaluated for each in sharing)
            for subject in everyone
        }
        pending = [source for subject, source in sources.items() if left[subject]]
        if sets := [source for source in pending if isinstance(source, VolumeSource)]:
            volumes, missing, (spent, taken) = _cubes(sets, cohort.keep, timed)
            stored, to_encode = stored + volumes - missing, to_encode + missing
            seconds, features = seconds + spent, features + taken
            at_once += taken * len(sets[0].spec.volumes) / volumes
            if timed:
                seconds += sets[0].cubes.comparing() * sum(left.values())
        stored += sum(_complete(source) for source in sources.values())
        slices = [source for source in pending if isinstance(source, SliceSource)]
        todo = [source for source in slices if not _complete(source)]
        to_encode += len(todo)
        read = filter(_readable, todo)
        first = next((source for source in read if source.missing()), None) if timed else None
        if first:
            spent, taken = _encoding(first, cohort.batch, cohort.keep)
            seconds, features = seconds + spent * len(todo), features + taken * len(todo)
            at_once = max(at_once, taken)
        mapped: Sequence[MapSource] = sets or todo or slices
        if timed and (one := next(filter(_readable, mapped), None)):
            maps += _map_bytes(one) * sum(left.values())
    absent = sum(name in {one.id for one in tuning} for _, name in without_file(cohort))
    maps_left = len(everyone) * len(cohort.configurations) - len(evaluated)
    if timed and maps_left:
        specs = (spec_of(engine, cohort, each.id, cohort.configurations[0]) for each in everyone)
        if spec := next((spec for spec in specs if _readable(resolve(engine, spec))), None):
            seconds += _reading(engine, spec) * maps_left
    counts = (len(chosen), len(everyone) - len(chosen), len(cohort.configurations))
    done = (*counts, len(evaluated) - absent, stored, to_encode, unread)
    if not timed:
        return Workload(*done, absent=absent)
    waiting = maps * len(set(chosen) & set(tuning)) / len(everyone)  # read again by their rows
    sizes: dict[Keep, float] = {"features": features, "maps": maps + at_once}
    sizes["rows"] = waiting + at_once
    gigabytes = {name: size / 2**30 for name, size in sizes.items()}
    return Workload(*done, seconds, gigabytes, absent)


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
    firsts = [
        spec_of(engine, cohort, everyone[0].id, sharing[0]) for sharing in groups(engine, cohort)
    ]
    names = {subject.id for subject in everyone}.union(*(spec.volumes for spec in firsts))
    slices = [replace(firsts[0].features.slices, subject=name) for name in names]
    return sum(not engine.known_digest(scan) for scan in slices)


def _evaluated(
    engine: Engine, cohort: Cohort, chosen: list[Subject], tuning: list[Subject]
) -> set[tuple[Subject, Configuration]]:
    """The maps whose curve and rows are in the results; those of a scan not read yet are not.

    Subjects to tune on alone have no rows. Rows at a tuned threshold are there only where all the
    curves are that it is tuned on.
    """
    curves, rows = (results.known(cohort.out, table) for table in ("curves", "subjects"))
    lacking = without_file(cohort)
    evaluated = set()
    for configuration in cohort.configurations:
        with_curve = {}
        absent = {subject for subject in tuning if (configuration, subject.id) in lacking}
        evaluated |= {(subject, configuration) for subject in absent}  # nothing is to do
        for subject in dict.fromkeys(chosen + tuning):
            if subject in absent:
                continue
            source = resolve(engine, spec_of(engine, cohort, subject.id, configuration))
            if engine.known_digest(source.spec.features.slices) and source.map_key in curves:
                with_curve[subject] = source
        evaluated |= {(subject, configuration) for subject in with_curve if subject not in chosen}
        if with_curve and with_curve.keys() >= set(tuning) - absent:
            read = [subject for subject in chosen if subject in with_curve]
            tuned = zip(read, thresholds_of(engine, cohort, configuration, read), strict=True)
            for subject, thresholds in tuned:
                keys = row_keys(with_curve[subject], cohort.readout, thresholds)
                if rows.issuperset(keys):
                    evaluated.add((subject, configuration))
    return evaluated


def _readable(source: MapSource) -> bool:
    """Whether the scan can be used; where not, the evaluation says why."""
    try:
        source.engine.stack(source.spec.features.slices)
    except DataError:
        return False
    return True


def _complete(source: MapSource) -> bool:
    return isinstance(source, SliceSource) and source.features.complete()


def _map_bytes(source: MapSource) -> int:
    """Size of a stored map, that of the slices with brain."""
    stack = source.engine.stack(source.spec.features.slices)
    return 4 * int(stack.brain.any(axis=(1, 2)).sum()) * stack.brain[0].size


def _cubes(
    lacking: list[VolumeSource], keep: Keep, timed: bool
) -> tuple[int, int, tuple[float, float]]:
    """Volumes that maps against a set need, how many lack cubes, and (seconds, bytes) of those."""
    subjects = (source.spec.features.slices.subject for source in lacking)
    names, cubes = dict.fromkeys([*subjects, *lacking[0].spec.volumes]), lacking[0].cubes
    todo = cubes.missing(names)
    if todo and timed:
        keeping.begin(lacking[0], keep)
    costs = cubes.costs(todo) if todo and timed else (0.0, 0.0)
    return len(names), len({features.slices.subject for features, _ in todo}), costs


def _encoding(source: SliceSource, size: int, keep: Keep) -> tuple[float, float]:
    """(seconds, bytes) of encoding a volume, from a batch of slices that it still lacks."""
    engine, features = source.engine, source.features
    engine.tower(features.spec.backbone, features.spec.precision)
    keeping.begin(source, keep)
    missing = features.missing()
    batch = missing[max(len(missing) - size, 0) // 2 :][:size]
    began = time.monotonic()
    source.encode(batch, size=size)
    spent = time.monotonic() - began
    filled = stored_features.filled_slices(engine, features.spec.slices)
    retained = features.retained().sum(axis=(1, 2))
    share = retained[filled].sum() / retained[batch].sum()
    return spent * len(filled) / len(batch), features.bytes(batch) * share


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
