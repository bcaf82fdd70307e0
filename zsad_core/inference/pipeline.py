"""The stages for one volume, and the one place where names become objects.

    slices -> features (disk) -> map (memory, few) -> readout (never kept)

Every stage is a function of an `Engine` and a frozen spec; what it needs it computes, what the
store holds it does not compute again. Features lie with `stored_features`, those of methods for
whole volumes with `stored_cubes`.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace

import numpy as np

from zsad_core import backbones, methods, setups
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE
from zsad_core.imaging import datasets
from zsad_core.inference import files, stored_cubes, stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.stored_features import (
    feature_key,
    filled_slices,
    kept_patches,
    read,
    read_reference,
)
from zsad_core.inference.stored_texts import class_embeddings
from zsad_core.methods import FilePredictions, VolumeMethod
from zsad_core.metrics.readout import Readout, readout
from zsad_core.types import (
    AnomalyMap,
    FeatureSpec,
    FloatArray,
    Learned,
    MapSpec,
    Progress,
    PromptSet,
    ReadoutSpec,
    Reference,
    SliceSpec,
    Subject,
    Threshold,
    read_only,
)

TOGETHER = 32  # slices mapped at once
SET = 8  # volumes of the set that a volume is scored against, where a user chose none


def map_spec(
    engine: Engine,
    slices: SliceSpec,
    method: str,
    setup: str,
    prompts: PromptSet,
    references: tuple[Reference, ...] = (),
    volumes: tuple[str, ...] = (),
) -> MapSpec:
    """The spec of a map from what a user chose; raises SettingError, WeightsError.

    References and volumes are left out for a method that takes none; a method that needs volumes
    takes the data's first where none are given.
    """
    found = setups.find(method, setup)
    if method == methods.FILES:
        found = replace(found, options=files.options_of(slices.data, setup))
    chosen = methods.build(method, found.options)
    features = FeatureSpec(slices, None, found.backbone, "float32")
    if chosen.needs_tower:
        recipe = chosen.recipe(backbones.info(found.backbone))
        if chosen.in_tower:
            recipe = replace(recipe, learned=setups.digest(found))
        features = FeatureSpec(slices, recipe, found.backbone, engine.precision())
    kept = references if chosen.takes_references else ()
    if not isinstance(chosen, VolumeMethod):
        return MapSpec(features, method, setup, prompts, found.options, kept)
    subjects = datasets.open_dataset(slices.data).subjects()
    volumes = set_of(subjects, slices.modality, volumes)
    spec = MapSpec(features, method, setup, prompts, found.options, kept, volumes)
    stored_cubes.others(spec)  # raises where the set holds no other
    return spec


def set_of(
    subjects: Iterable[Subject], modality: str, wanted: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Ids of the wanted subjects that are usable and have the modality, in the data's order.

    The first `SET` of all where none is wanted. The truth plays no part. Whoever is shown is scored
    against the same set, less itself.
    """
    usable = (s.id for s in subjects if not s.problem and modality in s.modalities)
    if wanted:
        return tuple(name for name in usable if name in wanted)
    return tuple(itertools.islice(usable, SET))


def ready(engine: Engine, spec: MapSpec) -> bool:
    """Whether all that the map needs is stored, so that it is quick."""
    if isinstance(method_of(spec), VolumeMethod):
        return not stored_cubes.missing(engine, spec)
    return not stored_features.missing(engine, spec)


def encode(
    engine: Engine,
    spec: MapSpec,
    slices: Iterable[int] | None = None,
    progress: Progress | None = None,
    priority: int = BACKGROUND,
    size: int = stored_features.BATCH,
) -> int:
    """Compute and store missing features of all or some slices; returns how many were computed.

    `size` slices are encoded at once. A method for whole volumes needs every layer of cubes of its
    whole set.
    """
    if isinstance(method_of(spec), VolumeMethod):
        return stored_cubes.encode(engine, spec, progress, priority)
    return stored_features.encode(engine, spec, slices, progress, priority, size)


def read_texts(engine: Engine, spec: MapSpec) -> None:
    """Make the texts of a map ready ahead of its slices, where they do not depend on these.

    Raises WeightsError, PromptError, SettingError.
    """
    method = method_of(spec)
    if spec.features.recipe and not (isinstance(method, VolumeMethod) or method.text_by_slice):
        class_embeddings(engine, spec, {})


def slice_maps(
    engine: Engine, spec: MapSpec, slices: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    """Maps (S, H, W) float32 and slice scores (S,) of some slices; missing ones are encoded."""
    if method_of(spec).by_volume(len(spec.references)):
        whole = anomaly_map(engine, spec)
        return whole.values[list(slices)], whole.scores[list(slices)]
    return _maps(engine, spec, slices)


def anomaly_map(engine: Engine, spec: MapSpec, progress: Progress | None = None) -> AnomalyMap:
    """The map of the whole volume, (S, H, W) float32 in the method's range 0 … high.

    Empty slices hold 0 and score NaN. Missing features are encoded. `progress` counts slices
    encoded, or those mapped where all features were there.
    """
    if spec in engine.maps or ready(engine, spec):
        return engine.maps.get(spec, lambda: _anomaly_map(engine, spec, progress))
    found = _anomaly_map(engine, spec, progress)  # for minutes: who asks too has its own progress
    return engine.maps.get(spec, lambda: found)


def _anomaly_map(engine: Engine, spec: MapSpec, progress: Progress | None) -> AnomalyMap:
    method = method_of(spec)
    if isinstance(method, FilePredictions):
        return files.file_map(engine, spec)
    if isinstance(method, VolumeMethod):
        encode(engine, spec, progress=progress)
        values, scores = stored_cubes.set_map(engine, spec)
        return AnomalyMap(read_only(_in_range(values, method.high)), read_only(scores), method.high)
    stack = engine.stack(spec.features.slices)
    values = np.zeros(stack.image.shape, np.float32)
    scores = np.full(len(values), np.nan, np.float32)
    filled = filled_slices(engine, spec.features.slices)
    step = max(len(filled), 1) if method.by_volume(len(spec.references)) else TOGETHER
    parts = [filled[start : start + step] for start in range(0, len(filled), step)]
    for part, found in zip(parts, _behind(engine, spec, parts, progress), strict=True):
        values[part], scores[part] = found
    return AnomalyMap(read_only(values), read_only(scores), method.high)


def _behind(
    engine: Engine, spec: MapSpec, parts: Sequence[list[int]], progress: Progress | None
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Maps and scores of each part; those whose features are there while the rest is encoded."""
    pool = ThreadPoolExecutor(1, "maps")
    started: list[Future[tuple[FloatArray, FloatArray]]] = []

    def encoded(done: int, total: int) -> None:
        if progress:
            progress(done, total)
        if len(started) == len(parts) or done < sum(map(len, parts[: len(started) + 1])):
            return
        part = parts[len(started)]
        if set(part).isdisjoint(stored_features.missing(engine, spec)):
            started.append(pool.submit(copy_context().run, _maps, engine, spec, part))

    try:
        count = encode(engine, spec, progress=encoded)
        for number, part in enumerate(parts):
            if progress and not count:
                progress(sum(map(len, parts[:number])), sum(map(len, parts)))
            behind = number < len(started)
            yield started[number].result() if behind else _maps(engine, spec, part)
    finally:
        pool.shutdown(cancel_futures=True)


def _maps(engine: Engine, spec: MapSpec, slices: Sequence[int]) -> tuple[FloatArray, FloatArray]:
    encode(engine, spec, slices, priority=INTERACTIVE)
    method, recipe = methods.slice_method(spec.method, spec.options), spec.features.recipe
    kept = kept_patches(engine, spec.features, slices)
    features = [read(engine, spec, index) for index in slices]
    text = np.zeros((2, 1), np.float32)
    if recipe:
        key = feature_key(engine, spec.features) if method.text_by_slice else ""
        named = {f"{key}-{index:03d}": one for index, one in zip(slices, features, strict=True)}
        text = class_embeddings(engine, spec, named)
    normal = [view for one in spec.references for view in read_reference(engine, spec, one)]
    values, scores = method.maps(features, kept, text, _learned(spec), recipe, normal)
    shape = engine.stack(spec.features.slices).image.shape[1:]
    return _in_range(methods.stretched(values, shape), method.high), scores


def _in_range(values: FloatArray, high: float) -> FloatArray:
    """Rounding and resampling may pass the ends of the range by a last bit."""
    return np.clip(values, 0, high, dtype=np.float32)


def _learned(spec: MapSpec) -> Learned:
    return setups.learned(setups.find(spec.method, spec.setup))


def method_of(spec: MapSpec) -> methods.Method | VolumeMethod | FilePredictions:
    """The method of a map with its options set."""
    return methods.build(spec.method, spec.options)


def numbers(
    engine: Engine,
    spec: MapSpec,
    read: ReadoutSpec,
    threshold: Threshold,
    progress: Progress | None = None,
) -> Readout:
    """The numbers of a subject's whole map at a threshold; raises ZsadError."""
    anomaly = anomaly_map(engine, spec, progress)
    stack = engine.stack(spec.features.slices)
    return readout(stack, anomaly, replace(read, threshold=threshold.value))


def text_pulls(engine: Engine, spec: MapSpec, index: int) -> list[tuple[str, float]]:
    """How far each text moves the mean map inside the brain of one slice, in the map's units.

    The mean with all texts minus the mean without that one; a side's only text is left out. Normal
    slices stay out of it: what they add does not depend on the text.
    """
    spec = replace(spec, references=())
    prompts, brain = spec.prompts, engine.stack(spec.features.slices).brain[index]

    def mean(changed: PromptSet) -> float:
        values, _ = slice_maps(engine, replace(spec, prompts=changed), [index])
        return float(values[0][brain].mean()) if brain.any() else 0.0

    whole, found = mean(prompts), []
    for side in ("normal", "abnormal"):
        texts: tuple[str, ...] = getattr(prompts, side)
        for text in texts if len(texts) > 1 else ():
            rest = tuple(other for other in texts if other != text)
            if rest:
                fewer = PromptSet(**{**prompts.__dict__, side: rest})
                found.append((f"{side}: {text}", whole - mean(fewer)))
    return found
