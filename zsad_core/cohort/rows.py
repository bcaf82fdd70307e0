"""Doing a task: encode what is not stored, read the map, keep the rows that are not there.

Rows are kept as soon as a run is read, under a key made from scan, method, weights, prompts and
readout, so a task that is cut off and done again makes what it lacks. Of the three parts of a row
that of `subjects` comes last: where it is, the others are.
"""

import time
from dataclasses import replace

from zsad_core import (
    evaluation,
    methods,
    pipeline,
    prompt_sets,
    provenance,
    results,
    stored_cubes,
    subject_rows,
)
from zsad_core.backbones import out_of_memory
from zsad_core.cohort.tasks import Levels, Step, Task, spec_of
from zsad_core.engine import Engine
from zsad_core.result_schema import VERSION
from zsad_core.results import Row
from zsad_core.store import key_of
from zsad_core.subject_rows import Judged
from zsad_core.types import AnomalyMap, MapSpec, ReadoutSpec, Threshold

ORACLE = Threshold(-1, "oracle", "the best level of this subject: it saw the truth")


def perform(engine: Engine, task: Task, step: Step) -> None:
    """Make the rows of a task that are not there; raises ZsadError, Cancelled by the step."""
    for place, one in enumerate(task.runs):
        spec = spec_of(engine, task.cohort, task.subject.id, one)
        with out_of_memory(task.cohort.batch):
            _perform(engine, task, spec, task.levels[place] if task.levels else (), step)
        step(1)


def encode(engine: Engine, spec: MapSpec, batch: int, step: Step) -> None:
    """Store the features of a whole volume."""
    if spec.features.recipe is not None:
        pipeline.encode(engine, spec, progress=lambda *_: step(0), size=batch)


def row_key(map_key: str, readout: ReadoutSpec, threshold: Threshold) -> str:
    """Key of a row: its map, how it is read, and the threshold."""
    mask = replace(readout, threshold=threshold.level, empty_slices="lesion_only", centre="middle")
    return key_of(map_key, rows=VERSION, readout=mask, rule=threshold.rule)


def _perform(engine: Engine, task: Task, spec: MapSpec, levels: Levels, step: Step) -> None:
    out, readout = task.cohort.out, task.cohort.readout
    map_key = evaluation.map_key(engine, spec)
    keys = {row_key(map_key, readout, one): one for one in levels}
    todo = {key: one for key, one in keys.items() if not results.there(out, "subjects", key)}
    if not todo and results.there(out, "histograms", map_key):
        return
    began = time.monotonic()
    encode(engine, spec, task.cohort.batch, step)
    encoded = time.monotonic()
    anomaly = pipeline.anomaly_map(engine, spec)
    judged = subject_rows.judge(engine.stack(spec.features.slices), anomaly)
    results.append(out, "histograms", map_key, subject_rows.histogram_rows(judged, map_key))
    for key, threshold in todo.items():
        facts: Row = {
            "key": key,
            "map": map_key,
            **_names(task, spec),
            **provenance.of_map(engine, spec, task.cohort.batch),
            "seconds_encode": encoded - began,
        }
        _read(engine, task, spec, (anomaly, judged), threshold, facts)
        step(0)


def _read(
    engine: Engine,
    task: Task,
    spec: MapSpec,
    found: tuple[AnomalyMap, Judged],
    threshold: Threshold,
    facts: Row,
) -> None:
    """Keep one row and its slices; a lesion-free subject has no oracle and so no such row."""
    began, out, key = time.monotonic(), task.cohort.out, str(facts["key"])
    anomaly, judged = found
    level = judged.facts["best_level"] if threshold.rule == "oracle" else threshold.level
    if level is None:
        results.append(out, "subjects", key, [])
        return
    assert isinstance(level, int)
    readout = replace(task.cohort.readout, threshold=level)
    stack = engine.stack(spec.features.slices)
    subject, slices = subject_rows.read_rows(stack, anomaly, judged, readout, threshold)
    results.append(out, "slices", key, [{"key": key, **one} for one in slices])
    facts["seconds_read"] = time.monotonic() - began
    results.append(out, "subjects", key, [{**facts, **subject}])


def _names(task: Task, spec: MapSpec) -> Row:
    read, prompts = bool(methods.METHODS[spec.method].prompts), spec.prompts
    return {
        "schema": VERSION,
        "data": task.cohort.data.kind,
        "site": task.subject.site,
        "subject": task.subject.id,
        "split": task.subject.split,
        "modality": task.cohort.modality,
        "plane": spec.features.slices.plane,
        "method": spec.method,
        "setup": spec.setup,
        "prompts": prompts.name if read else "",
        "prompts_digest": prompt_sets.digest(prompts) if read else "",
        "prompts_tuned": task.subject.id in prompts.tuned_on,
        "volumes": list(stored_cubes.others(spec)) if spec.volumes else [],
    }
