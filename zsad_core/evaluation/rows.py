"""One subject's rows: encode what is not stored, read the map, keep the rows that are not there.

Rows are kept as soon as a map is read, under a key made from scan, method, weights, prompts and
readout, so work that is cut off and done again makes what it lacks. Of the parts of a row that of
`subjects` comes last, of those of a map that of `curves`: where it is, the others are.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zsad_core.backbones import out_of_memory
from zsad_core.base.paths import root_name
from zsad_core.base.store import key_of
from zsad_core.errors import DataError
from zsad_core.evaluation import keeping
from zsad_core.evaluation.tasks import Keep, Step, Task, spec_of
from zsad_core.imaging import datasets
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import patient_of
from zsad_core.imaging.uploads import folders
from zsad_core.inference import pipeline, provenance, stored_cubes, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.exposure import exposure
from zsad_core.inference.sources import MapSource, resolve
from zsad_core.metrics.threshold_rules import MapRule, of_anomaly, rule_of
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.results import subject_rows
from zsad_core.results.parquet import Row
from zsad_core.results.schema import VERSION
from zsad_core.results.subject_rows import Measurements
from zsad_core.types import (
    AnomalyMap,
    MapSpec,
    ReadoutSpec,
    SliceStack,
    Subject,
    Threshold,
)


@dataclass(frozen=True)
class Results:
    """Where rows go and how maps become rows: folder, readout, slices encoded at once.

    `hold` is whether the memory keeps a map that is read, `keep` what the disk keeps beside rows,
    `last` whether no other task of the subject follows.
    """

    out: Path
    readout: ReadoutSpec = ReadoutSpec()
    batch: int = stored_features.BATCH
    hold: bool = True
    keep: Keep = "features"
    last: bool = True


def perform(engine: Engine, task: Task, step: Step) -> None:
    """Make the rows of a task that are not there; raises ZsadError, Cancelled by the step."""
    cohort = task.cohort
    into = Results(cohort.out, cohort.readout, cohort.batch, False, cohort.keep, task.last)
    for index, configuration in enumerate(task.configurations):
        spec = spec_of(engine, cohort, task.subject.id, configuration)
        chosen = task.thresholds[index] if task.thresholds else ()
        with out_of_memory(cohort.batch):
            make(engine, spec, into, chosen, step)
        if index == len(task.configurations) - 1:
            keeping.release(engine, task)
        step(1)


def attempt(engine: Engine, task: Task, step: Step) -> str:
    """Perform a task; why the files of its subject cannot be used, "" where they can.

    All its configurations count as done. Raises ZsadError other than DataError, and Cancelled.
    """
    left = len(task.configurations)

    def counted(done: int) -> None:
        nonlocal left
        left -= done
        step(done)

    try:
        perform(engine, task, counted)
    except DataError as error:
        step(left)
        return str(error)
    return ""


def make(
    engine: Engine,
    spec: MapSpec,
    into: Results,
    thresholds: Sequence[Threshold],
    step: Step = lambda _: None,
) -> list[str]:
    """Keep what is missing of a map's curve and of its rows at some thresholds; the rows' keys.

    The step is called with 0 as the work goes on. Raises ZsadError; Cancelled where the scan was
    an upload that was removed meanwhile.
    """
    source = resolve(engine, spec)
    map_key = source.map_key
    keys = row_keys(source, into.readout, thresholds)
    missing = {
        key: threshold
        for key, threshold in zip(keys, thresholds, strict=True)
        if not results.exists(into.out, "subjects", key)
    }
    if not missing and results.exists(into.out, "curves", map_key):
        return keys
    began = time.monotonic()
    if pipeline.known_map(engine, spec) is None:
        keeping.begin(source, into.keep)
        pipeline.encode(engine, spec, progress=lambda *_: step(0), size=into.batch)
    encoded, slices = time.monotonic(), spec.features.slices
    stack, anomaly = engine.stack(slices), pipeline.anomaly_map(engine, spec, hold=into.hold)
    keeping.keep_map(source, anomaly, into.keep, into.last)
    if not results.exists(into.out, "curves", map_key):
        engine.voxel_ml(spec.features.slices)  # for rules that are tuned on volumes
        curve, levels = subject_rows.curve_rows(stack, anomaly, map_key)
        with folders.guarded(slices.data, slices.subject):
            results.append(into.out, "levels", map_key, levels)
            results.append(into.out, "curves", map_key, curve)
    if missing:
        scan_notes = engine.volume(slices).notes
        anomaly = replace(anomaly, notes=(*scan_notes, *anomaly.notes))
        measured = subject_rows.measure(stack, anomaly)
        facts: Row = {
            "map": map_key,
            **_names(source),
            **provenance.of_map(source, into.batch),
            "seconds_encode": encoded - began,
        }
        for key, threshold in missing.items():
            seen = list(exposure(source, threshold))
            row = {"key": key, **facts, "exposure": seen}
            with folders.guarded(slices.data, slices.subject):
                _read(into, stack, anomaly, measured, threshold, row)
            step(0)
    return keys


def scope(spec: MapSpec) -> dict[str, str]:
    """What a row depends on beside map and readout: of own data id, root, split, chosen labels.

    The id tells subjects of equal bytes apart; in the demo all differ. The patient is named where
    the id does not tell it. Raises SettingError, DataError.
    """
    slices = spec.features.slices
    patient = registry.table(slices.data).patient(slices.subject)
    parts = {
        "subject": slices.subject if slices.data.root else "",
        "root": root_name(slices.data),
        "split": registry.digest(slices.data),
        "labels": datasets.open_dataset(slices.data).chosen_labels,
        "patient": "" if patient == patient_of(slices.subject) else patient,
    }
    return {name: text for name, text in parts.items() if text}


def row_keys(source: MapSource, readout: ReadoutSpec, thresholds: Sequence[Threshold]) -> list[str]:
    """The key of a map's row at each threshold."""
    map_key, within = source.map_key, scope(source.spec)
    return [row_key(map_key, readout, threshold, within) for threshold in thresholds]


def row_key(
    map_key: str,
    readout: ReadoutSpec,
    threshold: Threshold,
    within: Mapping[str, str] | None = None,
) -> str:
    """Key of a row: its map, how it is read, the threshold, and its `scope`."""
    own = isinstance(rule_of(threshold.rule), MapRule)
    value = None if own else float(np.float32(threshold.value))
    mask = replace(readout, threshold=0.0, empty_slices="lesion_only", centre="middle")
    return key_of(
        map_key, rows=VERSION, readout=mask, rule=threshold.rule, threshold=value, **within or {}
    )


def _read(
    into: Results,
    stack: SliceStack,
    anomaly: AnomalyMap,
    measured: Measurements,
    threshold: Threshold,
    facts: Row,
) -> None:
    """Store one row and its slices; a map without the threshold of its rule has no such row."""
    began, out, key = time.monotonic(), into.out, str(facts["key"])
    if isinstance(rule := rule_of(threshold.rule), MapRule):
        threshold = of_anomaly(rule, anomaly, stack.brain, stack.truth)
    if math.isnan(threshold.value):
        results.append(out, "subjects", key, [])
        return
    readout = replace(into.readout, threshold=threshold.value)
    subject, slices = subject_rows.read_rows(stack, anomaly, measured, readout, threshold)
    results.append(out, "slices", key, [{"key": key, **row} for row in slices])
    facts["seconds_read"] = time.monotonic() - began
    results.append(out, "subjects", key, [{**facts, **subject}])


def _names(source: MapSource) -> Row:
    spec, read = source.spec, bool(source.method.prompts)
    slices, prompts, subject = spec.features.slices, spec.prompts, _subject(spec)
    return {
        "schema": VERSION,
        "data": slices.data.kind,
        "site": subject.site,
        "subject": subject.id,
        "split": subject.split,
        "split_name": slices.data.split,
        "split_digest": registry.digest(slices.data),
        "labels": datasets.open_dataset(slices.data).chosen_labels,
        "root": root_name(slices.data),
        "patient": registry.table(slices.data).patient(subject.id),
        "modality": slices.modality,
        "plane": slices.plane,
        "method": spec.method,
        "setup": spec.setup,
        "prompts": prompts.name,
        "prompts_digest": prompt_sets.digest(prompts) if read else "",
        "prompts_tuned": subject.id in prompts.tuned_on,
        "volumes": list(stored_cubes.others(spec)) if spec.volumes else [],
    }


def _subject(spec: MapSpec) -> Subject:
    slices = spec.features.slices
    for subject in datasets.open_dataset(slices.data).subjects():
        if subject.id == slices.subject:
            return subject
    raise DataError(f"There is no subject '{slices.subject}' here; choose one of the list.")
