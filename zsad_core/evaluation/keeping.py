"""What stays on the disk of an evaluated subject: its features, its maps, or neither.

What is to go is marked before it is written, so that a run that goes on after a kill lets go of the
same, and what was stored before the evaluation stays.
"""

from collections.abc import Iterable
from typing import TypeGuard

import numpy as np

from zsad_core.evaluation.tasks import Cohort, Keep, Task, groups, spec_of
from zsad_core.inference import stored_maps
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import MapSource, SliceSource, resolve
from zsad_core.types import AnomalyMap, Subject

PASSING = "passing"  # name of the mark


def begin(source: MapSource, keep: Keep) -> None:
    """Mark the features of a map that are not stored yet, if they are not to be kept."""
    if keep != "features":
        _mark(source, source.entries())


def keep_map(source: MapSource, anomaly: AnomalyMap, keep: Keep, last: bool) -> None:
    """Store a map where maps are kept, or another task of the subject reads it."""
    if keep == "maps" or (keep == "rows" and not last):
        if keep == "rows" and source.entries():
            _mark(source, [source.map_key])
        stored_maps.write(source, anomaly)


def release(engine: Engine, task: Task) -> None:
    """Remove what a subject's rows were made from and is not to be kept."""
    cohort = task.cohort
    if cohort.keep == "features":
        return
    for configuration in task.configurations:
        source = resolve(engine, spec_of(engine, cohort, task.subject.id, configuration))
        keys = set(source.entries()) - set(source.shared_entries())
        if _has_passing_texts(source):
            engine.store.remove(source.texts.key, prefix=source.features.digest)
        if task.last and cohort.keep == "rows" and source.entries():
            keys.add(source.map_key)
        _remove(engine, keys)


def release_shared(engine: Engine, cohort: Cohort, subject: Subject) -> None:
    """Remove the cubes of the set that all subjects were scored against, if not to be kept."""
    if cohort.keep == "features":
        return
    for first, *_ in groups(engine, cohort):
        source = resolve(engine, spec_of(engine, cohort, subject.id, first))
        _remove(engine, source.shared_entries())


def _has_passing_texts(source: MapSource) -> TypeGuard[SliceSource]:
    """Whether texts are stored slice by slice, beside features that go."""
    if not isinstance(source, SliceSource) or not source.method.text_by_slice:
        return False
    return PASSING in source.engine.store.names(source.features.key)


def _mark(source: MapSource, keys: Iterable[str]) -> None:
    store = source.engine.store
    for key in keys:
        if not store.holds(key):
            store.write(key, PASSING, np.zeros(0, np.uint8), source.spec)


def _remove(engine: Engine, keys: Iterable[str]) -> None:
    for key in keys:
        if PASSING in engine.store.names(key):
            engine.store.remove(key)
