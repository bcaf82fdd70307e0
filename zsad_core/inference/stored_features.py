"""Features of slices for a method: each slice's arrays are computed once and stored.

The arrays of a slice lie in one file, as fields of one record; its name says which they are, so
that a method finds what it reads in what another stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsad_core import backbones, methods, setups
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE
from zsad_core.base.store import key_of
from zsad_core.imaging import slicing
from zsad_core.inference.engine import Engine
from zsad_core.types import (
    ByteArray,
    FeatureSpec,
    MapSpec,
    MaskArray,
    Progress,
    Reference,
    SliceFeatures,
    SliceSpec,
)

BATCH = 4
COMPLETE = "complete"  # name of the mark beside the features of a whole volume


def feature_key(engine: Engine, spec: FeatureSpec) -> str:
    """Key of the stored features: input bytes, modality, plane, recipe, weights, precision."""
    return key_of(
        engine.digest(spec.slices),
        modality=spec.slices.modality,
        plane=spec.slices.plane,
        recipe=spec.recipe,
        weights=backbones.info(spec.backbone).digest if spec.recipe else "",
        precision=spec.precision,
    )


def kept_patches(
    engine: Engine, spec: FeatureSpec, slices: Sequence[int] | None = None
) -> MaskArray:
    """Patches of all or some slices near the brain, (S, R, C); no others are computed or stored."""
    brain = engine.stack(spec.slices).brain
    brain = brain if slices is None else brain[list(slices)]
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
    stored = _stored_with(engine, feature_key(engine, spec.features), _method(spec).parts(recipe))
    filled = filled_slices(engine, spec.features.slices)
    return [s for s in filled if f"{s:03d}" not in stored]


def encode(
    engine: Engine,
    spec: MapSpec,
    slices: Iterable[int] | None = None,
    progress: Progress | None = None,
    priority: int = BACKGROUND,
    size: int = BATCH,
) -> int:
    """Compute and store missing features of all or some slices; returns how many were computed.

    Each slice is kept as soon as it is done, so a cancelled run continues where it stopped. For a
    whole volume the batches of `size` slices lie where they lie in an unbroken run, and a mark says
    that it is complete, which is then known without reading the scan.
    """
    computed = _encode(engine, spec, slices, progress, priority, size)
    if slices is None and spec.features.recipe and not missing(engine, spec):
        _mark_complete(engine, spec.features)
    return computed


def complete(engine: Engine, features: FeatureSpec) -> bool:
    """Whether all features of the volume are stored, as told without reading the scan."""
    if not engine.known_digest(features.slices):
        return False
    return COMPLETE in engine.store.names(feature_key(engine, features))


def _mark_complete(engine: Engine, features: FeatureSpec) -> None:
    key = feature_key(engine, features)
    if COMPLETE not in engine.store.names(key):
        filled = np.array(filled_slices(engine, features.slices))
        engine.store.write(key, COMPLETE, filled, features)


def _encode(
    engine: Engine,
    spec: MapSpec,
    slices: Iterable[int] | None,
    progress: Progress | None,
    priority: int,
    size: int,
) -> int:
    todo = missing(engine, spec)
    places = filled_slices(engine, spec.features.slices)
    if slices is not None:
        places = todo = sorted(set(todo) & set(slices))
    if not todo or spec.features.recipe is None:
        return 0
    images = engine.stack(spec.features.slices).image
    batches = (places[start : start + size] for start in range(0, len(places), size))
    for done, batch in enumerate(one for one in batches if not set(todo).isdisjoint(one)):
        if progress:
            progress(min(done * size, len(todo)), len(todo))
        names = [f"{index:03d}" for index in batch]
        kept = kept_patches(engine, spec.features, batch)
        _store(engine, spec, (images[batch], kept, names), priority)
    if progress:
        progress(len(todo), len(todo))
    engine.store.trim_when_due()
    return len(todo)


def read(engine: Engine, spec: MapSpec, index: int) -> SliceFeatures:
    """Features of one slice, from the store where they are there."""
    if spec.features.recipe is None:
        return {"pixels": engine.stack(spec.features.slices).image[index]}
    key = feature_key(engine, spec.features)
    parts = _method(spec).parts(spec.features.recipe)
    found = _stored(engine, key, f"{index:03d}", parts)
    if not found:
        encode(engine, spec, [index], priority=INTERACTIVE)
        found = _stored(engine, key, f"{index:03d}", parts)
    return found


def read_reference(engine: Engine, spec: MapSpec, reference: Reference) -> list[SliceFeatures]:
    """Features at all patches of what the memory holds of a normal slice, from the store."""
    recipe, method = spec.features.recipe, _method(spec)
    assert recipe is not None  # what takes references has a tower
    everywhere = replace(recipe, reach=recipe.grid)
    features = replace(spec.features, slices=reference.slices, recipe=everywhere)
    key, parts = feature_key(engine, features), method.parts(recipe)
    image = engine.stack(reference.slices).image[reference.index]
    views = methods.reference_views(method, image, recipe.image_size)
    names = [f"{reference.index:03d}v{view}" for view in range(len(views))]
    kept = np.ones((BATCH, recipe.grid, recipe.grid), bool)
    stored = _stored_with(engine, key, parts)
    todo = [view for view, name in enumerate(names) if name not in stored]
    for start in range(0, len(todo), BATCH):
        batch = todo[start : start + BATCH]
        of_batch = (views[batch], kept[: len(batch)], [names[v] for v in batch])
        _store(engine, replace(spec, features=features), of_batch, INTERACTIVE)
    return [_stored(engine, key, name, parts) for name in names]


def _store(
    engine: Engine, spec: MapSpec, batch: tuple[ByteArray, MaskArray, list[str]], priority: int
) -> None:
    """Encode images (B, H, W) at kept patches (B, R, C) and store them, float16, under names."""
    features, method, (images, kept, names) = spec.features, _method(spec), batch
    assert features.recipe is not None  # else there is nothing to encode
    key, learned = (
        feature_key(engine, features),
        setups.learned(setups.find(spec.method, spec.setup)) if method.in_tower else None,
    )
    with engine.queue.turn(priority):
        tower = engine.tower(features.backbone, features.precision)
        found = method.encode(tower, images, features.recipe, kept, learned)
    records = {
        _file_name(name, tuple(of_slice)): _record(of_slice)
        for name, of_slice in zip(names, found, strict=True)
    }
    engine.store.write_all(key, records, features)


def _record(features: SliceFeatures) -> NDArray[Any]:
    """The arrays of a slice in float16, as fields of one record."""
    fields = [(part, np.float16, array.shape) for part, array in features.items()]
    record = np.empty((), fields)
    for part, array in features.items():
        record[part] = array
    return record


def _stored(engine: Engine, key: str, name: str, parts: Sequence[str]) -> SliceFeatures:
    """What the store holds of a slice; nothing where a part is missing."""
    record = engine.store.read(key, _file_name(name, parts))
    if record is None and name in (others := _stored_with(engine, key, parts)):
        record = engine.store.read(key, others[name])
    return {} if record is None else {part: record[part] for part in parts}


def _stored_with(engine: Engine, key: str, parts: Sequence[str]) -> dict[str, str]:
    """The records that hold all of the parts, by the slice: the name of each."""
    found, wanted = {}, set(parts)
    for name in engine.store.names(key):
        of_slice, _, held = name.partition("-")
        if wanted.issubset(held.split("+")):
            found[of_slice] = name
    return found


def _file_name(of_slice: str, parts: Sequence[str]) -> str:
    return f"{of_slice}-{'+'.join(parts)}"


def _method(spec: MapSpec) -> methods.Method:
    return methods.slice_method(spec.method, spec.options)
