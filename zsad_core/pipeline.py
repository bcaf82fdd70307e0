"""The stages for one volume, and the one place where names become objects.

    slices -> features (disk) -> map (memory, few) -> readout (never kept)

Every stage is a function of an `Engine` and a frozen spec; what it needs it computes, what the
store holds it does not compute again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from zsad_core import backbones, methods, setups, slicing
from zsad_core.engine import Engine
from zsad_core.jobs import BACKGROUND, INTERACTIVE
from zsad_core.store import key_of
from zsad_core.stored_texts import class_embeddings
from zsad_core.types import (
    AnomalyMap,
    ByteArray,
    FeatureSpec,
    FloatArray,
    Learned,
    MapSpec,
    MaskArray,
    Progress,
    PromptSet,
    Reference,
    SliceFeatures,
    SliceSpec,
    read_only,
)

BATCH = 4


def map_spec(
    engine: Engine,
    slices: SliceSpec,
    method: str,
    setup: str,
    prompts: PromptSet,
    references: tuple[Reference, ...] = (),
) -> MapSpec:
    """The spec of a map from what a user chose; raises SettingError, WeightsError.

    References are left out for a method that takes none.
    """
    found = setups.find(method, setup)
    chosen = methods.build(method, found.options)
    features = FeatureSpec(slices, None, found.backbone, "float32")
    if chosen.needs_tower:
        recipe = chosen.recipe(backbones.info(found.backbone))
        if chosen.in_tower:
            recipe = replace(recipe, learned=setups.digest(found))
        features = FeatureSpec(slices, recipe, found.backbone, engine.precision())
    kept = references if chosen.takes_references else ()
    return MapSpec(features, method, setup, prompts, found.options, kept)


def feature_key(engine: Engine, spec: FeatureSpec) -> str:
    """Key of the stored features: input bytes, modality, plane, recipe, weights, precision."""
    return key_of(
        engine.volume(spec.slices).digest,
        modality=spec.slices.modality,
        plane=spec.slices.plane,
        recipe=spec.recipe,
        weights=backbones.info(spec.backbone).digest if spec.recipe else "",
        precision=spec.precision,
    )


def kept_patches(engine: Engine, spec: FeatureSpec) -> MaskArray:
    """Patches near the brain, (S, R, C); the others are neither computed nor stored."""
    brain = engine.stack(spec.slices).brain
    if spec.recipe is None:
        return np.ones((len(brain), 1, 1), bool)
    return slicing.patches_near(brain, spec.recipe.grid, spec.recipe.reach)


def filled_slices(engine: Engine, spec: SliceSpec) -> list[int]:
    """Slices with brain in them; the others are empty and skipped."""
    return [int(s) for s in np.flatnonzero(engine.stack(spec).brain.any(axis=(1, 2)))]


def missing(engine: Engine, spec: MapSpec) -> list[int]:
    """Slices with brain whose features are not all in the store."""
    recipe = spec.features.recipe
    if recipe is None:
        return []
    names = engine.store.names(feature_key(engine, spec.features))
    parts = method_of(spec).parts(recipe)
    filled = filled_slices(engine, spec.features.slices)
    return [s for s in filled if not all(f"{s:03d}-{part}" in names for part in parts)]


def encode(
    engine: Engine,
    spec: MapSpec,
    slices: Iterable[int] | None = None,
    progress: Progress | None = None,
    priority: int = BACKGROUND,
) -> int:
    """Compute and store missing features of all or some slices; returns how many were computed.

    Each slice is kept as soon as it is done, so a cancelled run continues where it stopped.
    """
    todo = missing(engine, spec)
    if slices is not None:
        todo = sorted(set(todo) & set(slices))
    if not todo or spec.features.recipe is None:
        return 0
    kept, images = kept_patches(engine, spec.features), engine.stack(spec.features.slices).image
    for start in range(0, len(todo), BATCH):
        if progress:
            progress(start, len(todo))
        batch = todo[start : start + BATCH]
        names = [f"{index:03d}" for index in batch]
        _store(engine, spec, (images[batch], kept[batch], names), priority)
    if progress:
        progress(len(todo), len(todo))
    engine.store.trim()
    return len(todo)


def slice_levels(
    engine: Engine, spec: MapSpec, slices: Sequence[int]
) -> tuple[ByteArray, FloatArray]:
    """Quantised maps (S, H, W) and slice scores (S,) of some slices; missing ones are encoded."""
    if method_of(spec).by_volume(len(spec.references)):
        whole = anomaly_map(engine, spec)
        return whole.levels[list(slices)], whole.scores[list(slices)]
    return _levels(engine, spec, slices)


def anomaly_map(engine: Engine, spec: MapSpec, progress: Progress | None = None) -> AnomalyMap:
    """The map of the whole volume, (S, H, W) on the 256-level grid of the method's range.

    Empty slices hold level 0 and score NaN. Missing features are encoded first.
    """
    return engine.maps.get(spec, lambda: _anomaly_map(engine, spec, progress))


def quantise(values: FloatArray, high: float) -> ByteArray:
    """Values in 0 … high as levels 0 … 255.

    >>> quantise(np.array([0.0, 2.0, 4.0]), 4.0).tolist()
    [0, 128, 255]
    """
    return np.clip(np.rint(values * (255 / high)), 0, 255).astype(np.uint8)


def _anomaly_map(engine: Engine, spec: MapSpec, progress: Progress | None) -> AnomalyMap:
    encode(engine, spec, progress=progress)
    stack = engine.stack(spec.features.slices)
    levels = np.zeros(stack.image.shape, np.uint8)
    scores = np.full(len(levels), np.nan, np.float32)
    filled, method = filled_slices(engine, spec.features.slices), method_of(spec)
    step = max(len(filled), 1) if method.by_volume(len(spec.references)) else 32
    for start in range(0, len(filled), step):
        part = filled[start : start + step]
        levels[part], scores[part] = _levels(engine, spec, part)
    return AnomalyMap(read_only(levels), read_only(scores), method.high)


def _levels(engine: Engine, spec: MapSpec, slices: Sequence[int]) -> tuple[ByteArray, FloatArray]:
    encode(engine, spec, slices, priority=INTERACTIVE)
    method, recipe = method_of(spec), spec.features.recipe
    kept = kept_patches(engine, spec.features)[list(slices)]
    features = [_read(engine, spec, index) for index in slices]
    text = np.zeros((2, 1), np.float32)
    if recipe:
        key = feature_key(engine, spec.features) if method.text_by_slice else ""
        named = {f"{key}-{index:03d}": one for index, one in zip(slices, features, strict=True)}
        text = class_embeddings(engine, spec, named)
    normal = [view for one in spec.references for view in _reference(engine, spec, one)]
    values, scores = method.maps(features, kept, text, _learned(spec), recipe, normal)
    shape = engine.stack(spec.features.slices).image.shape[1:]
    return quantise(methods.stretched(values, shape), method.high), scores


def _reference(engine: Engine, spec: MapSpec, reference: Reference) -> list[SliceFeatures]:
    """Features at all patches of what the memory holds of a normal slice, from the store."""
    recipe, method = spec.features.recipe, method_of(spec)
    assert recipe is not None  # what takes references has a tower
    everywhere = replace(recipe, reach=recipe.grid)
    features = replace(spec.features, slices=reference.slices, recipe=everywhere)
    key, parts = feature_key(engine, features), method.parts(recipe)
    image = engine.stack(reference.slices).image[reference.index]
    views = methods.reference_views(method, image, recipe.image_size)
    names = [f"{reference.index:03d}v{view}" for view in range(len(views))]
    kept = np.ones((BATCH, recipe.grid, recipe.grid), bool)
    stored = engine.store.names(key)
    todo = [v for v, name in enumerate(names) if any(f"{name}-{p}" not in stored for p in parts)]
    for start in range(0, len(todo), BATCH):
        batch = todo[start : start + BATCH]
        of_batch = (views[batch], kept[: len(batch)], [names[v] for v in batch])
        _store(engine, replace(spec, features=features), of_batch, INTERACTIVE)
    return [_stored(engine, key, name, parts) for name in names]


def _store(
    engine: Engine, spec: MapSpec, batch: tuple[ByteArray, MaskArray, list[str]], priority: int
) -> None:
    """Encode images (B, H, W) at kept patches (B, R, C) and store them, float16, under names."""
    features, method, (images, kept, names) = spec.features, method_of(spec), batch
    assert features.recipe is not None  # else there is nothing to encode
    key, learned = feature_key(engine, features), _learned(spec) if method.in_tower else None
    with engine.queue.turn(priority):
        tower = engine.tower(features.backbone, features.precision)
        found = method.encode(tower, images, features.recipe, kept, learned)
    for name, arrays in zip(names, found, strict=True):
        for part, array in arrays.items():
            engine.store.write(key, f"{name}-{part}", array.astype(np.float16), features)


def _stored(engine: Engine, key: str, name: str, parts: Sequence[str]) -> SliceFeatures:
    """What the store holds of a slice."""
    found = {part: engine.store.read(key, f"{name}-{part}") for part in parts}
    return {part: array for part, array in found.items() if array is not None}


def _learned(spec: MapSpec) -> Learned:
    return setups.learned(setups.find(spec.method, spec.setup))


def _read(engine: Engine, spec: MapSpec, index: int) -> SliceFeatures:
    if spec.features.recipe is None:
        return {"pixels": engine.stack(spec.features.slices).image[index]}
    key = feature_key(engine, spec.features)
    parts = method_of(spec).parts(spec.features.recipe)
    found = _stored(engine, key, f"{index:03d}", parts)
    if len(found) < len(parts):
        encode(engine, spec, [index], priority=INTERACTIVE)
        found = _stored(engine, key, f"{index:03d}", parts)
    return found


def method_of(spec: MapSpec) -> methods.Method:
    """The method of a map with its options set."""
    return methods.build(spec.method, spec.options)


def text_pulls(engine: Engine, spec: MapSpec, index: int) -> list[tuple[str, float]]:
    """How far each text moves the mean map inside the brain of one slice, in the map's units.

    The mean with all texts minus the mean without that one; a side's only text is left out.
    """
    prompts, brain = spec.prompts, engine.stack(spec.features.slices).brain[index]

    def mean(changed: PromptSet) -> float:
        levels, _ = slice_levels(engine, replace(spec, prompts=changed), [index])
        return float(levels[0][brain].mean()) / 255 * method_of(spec).high if brain.any() else 0.0

    whole, found = mean(prompts), []
    for side in ("normal", "abnormal"):
        texts: tuple[str, ...] = getattr(prompts, side)
        for text in texts if len(texts) > 1 else ():
            rest = tuple(other for other in texts if other != text)
            if rest:
                fewer = PromptSet(**{**prompts.__dict__, side: rest})
                found.append((f"{side}: {text}", whole - mean(fewer)))
    return found
