"""The stages over many subjects: evaluated histograms, validation thresholds, Dice by depth.

A histogram of a map's 256 levels over lesion and healthy brain, slice by slice, is all that Dice
at any threshold needs; it is small, so it is stored for every subject that was evaluated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from zsad_core import (
    metrics,
    pipeline,
    prompt_sets,
    setups,
    slicing,
    stored_cubes,
    stored_features,
    thresholds,
)
from zsad_core.engine import Engine
from zsad_core.errors import SettingError
from zsad_core.store import key_of
from zsad_core.types import (
    FloatArray,
    MapSpec,
    Progress,
    PromptSet,
    ReadoutSpec,
    Subject,
    Threshold,
)


@dataclass(frozen=True)
class Evaluated:
    """What is kept of one subject's map: histogram (S, 2, 256), truth and depth of each slice."""

    subject: str
    histogram: NDArray[np.int64]
    depth: FloatArray


def of_subject(spec: MapSpec, subject: str) -> MapSpec:
    """The same map of another subject of the same data."""
    slices = replace(spec.features.slices, subject=subject)
    return replace(spec, features=replace(spec.features, slices=slices))


def evaluate(
    engine: Engine, spec: MapSpec, readout: ReadoutSpec, progress: Progress | None = None
) -> Evaluated:
    """The histogram and depths of one subject, from the store where they are there.

    Raises SettingError for a subject without truth.
    """
    stack = engine.stack(spec.features.slices)
    if stack.truth is None:
        raise SettingError(
            f"{spec.features.slices.subject} has no segmentation, so it cannot be evaluated."
        )
    key = map_key(engine, spec)
    histogram = engine.store.read(key, "histogram")
    if histogram is None:
        anomaly = pipeline.anomaly_map(engine, spec, progress)
        histogram = metrics.histograms(anomaly.levels, stack.brain, stack.truth)
        engine.store.write(key, "histogram", histogram, spec)
    depth = slicing.depths(stack.brain, readout.centre)
    return Evaluated(spec.features.slices.subject, histogram, depth)


def map_key(engine: Engine, spec: MapSpec) -> str:
    """Key of what is kept of a map: its features, prompts, learned part, options and set."""
    return key_of(
        stored_features.feature_key(engine, spec.features),
        method=spec.method,
        learned=setups.digest(setups.find(spec.method, spec.setup)),
        prompts=prompt_sets.content(spec.prompts),
        options=spec.options,
        references=[(engine.digest(one.slices), one.index) for one in spec.references],
        volumes=stored_cubes.digests(engine, spec),
    )


def validation_subjects(subjects: Sequence[Subject], modality: str) -> list[str]:
    """Ids of usable validation subjects with truth and the modality."""
    return [
        s.id
        for s in subjects
        if s.split == "validation" and s.has_truth and not s.problem and modality in s.modalities
    ]


def validation_threshold(
    engine: Engine, spec: MapSpec, subjects: Sequence[str], progress: Progress | None = None
) -> Threshold:
    """The level with the best mean 3D Dice over the validation subjects of the same data.

    Kept for each method, setup, prompts and data. Raises SettingError without such subjects.
    """
    return engine.thresholds.get(
        _threshold_key(spec), lambda: _validate(engine, spec, subjects, progress)
    )


def known_threshold(engine: Engine, spec: MapSpec) -> Threshold | None:
    """The validation threshold if it was computed in this run of the app."""
    return engine.thresholds.peek(_threshold_key(spec))


def _threshold_key(spec: MapSpec) -> MapSpec:
    return of_subject(spec, "")


def _validate(
    engine: Engine, spec: MapSpec, subjects: Sequence[str], progress: Progress | None
) -> Threshold:
    histograms = []
    for done, subject in enumerate(subjects):
        step = partial(_step, progress, done, len(subjects))
        step()
        one = evaluate(engine, of_subject(spec, subject), ReadoutSpec(), step)
        histograms.append(one.histogram.sum(axis=0))
    level = thresholds.validation_threshold(histograms)
    note = f"best mean 3D Dice over {len(subjects)} validation subjects"
    return Threshold(level, "validation", note)


def _step(progress: Progress | None, done: int, total: int, *_: int) -> None:
    """Counts subjects on the bar, whatever the work inside reports; passes a cancel on."""
    if progress:
        progress(done, total)


def with_prompts(spec: MapSpec, prompts: PromptSet) -> MapSpec:
    """The same map with other prompts."""
    return replace(spec, prompts=prompts)
