"""Cubes of a subject and of its set: each layer of each plane is computed once and stored."""

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from zsad_core import backbones, methods
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE
from zsad_core.errors import SettingError
from zsad_core.imaging import slicing
from zsad_core.inference.cubes import cubes_of, layer_tokens, volume_map
from zsad_core.inference.engine import Engine
from zsad_core.inference.stored_features import feature_key
from zsad_core.methods import VolumeMethod
from zsad_core.types import (
    Cubes,
    FeatureSpec,
    FloatArray,
    MapSpec,
    MaskArray,
    Plane,
    Progress,
    Recipe,
)


def others(spec: MapSpec) -> tuple[str, ...]:
    """Ids of the set that the subject is scored against; raises SettingError where none is left."""
    shown = spec.features.slices.subject
    found = tuple(name for name in spec.volumes if name != shown)
    if not found:
        raise SettingError(
            f"'{spec.method}' scores {shown} against other volumes, and the set holds 0 others; "
            "add one to the set."
        )
    return found


def digests(engine: Engine, spec: MapSpec) -> list[str]:
    """What the set adds to a map's key: its scans' digests; none for a method without a set."""
    slices = spec.features.slices
    names = others(spec) if spec.volumes else ()
    return sorted(engine.digest(replace(slices, subject=name)) for name in names)


def missing(
    engine: Engine, spec: MapSpec, names: Iterable[str] | None = None
) -> list[tuple[FeatureSpec, int]]:
    """Layers of cubes that are not in the store, of the subject and of its set, or of `names`.

    A scan not read since the start counts as missing whole: its key needs its bytes.
    """
    found = []
    wanted = (spec.features.slices.subject, *others(spec)) if names is None else tuple(names)
    for name, plane in itertools.product(wanted, _method(spec).planes):
        features = _of(spec, name, plane)
        known = engine.known_digest(features.slices)
        names = engine.store.names(feature_key(engine, features)) if known else set()
        layers = range(_recipe(spec).grid)
        found += [(features, layer) for layer in layers if _name(layer) not in names]
    return found


def costs(
    engine: Engine, spec: MapSpec, todo: Sequence[tuple[FeatureSpec, int]]
) -> tuple[float, float]:
    """(seconds, bytes) that missing layers will take, from one of them, computed and kept now.

    It is one in the middle of a volume, which holds brain; how many of the others do is taken from
    that volume.
    """
    grid = _recipe(spec).grid
    features, layer = min(todo, key=lambda one: abs(one[1] - grid // 2))
    kept = _kept(engine, spec, features.slices.subject)
    sides = [slicing.as_slices(kept, plane).any(axis=(1, 2)) for plane in _method(spec).planes]
    engine.stack(features.slices)
    engine.tower(features.backbone, features.precision)
    began = time.monotonic()
    _store(engine, spec, features, layer, BACKGROUND)
    spent = time.monotonic() - began
    tokens = engine.store.read(feature_key(engine, features), _name(layer))
    cube = tokens.nbytes / len(tokens) if tokens is not None and len(tokens) else 0
    return spent * float(np.mean(sides)) * len(todo), cube * kept.sum() / grid * len(todo)


def comparing(engine: Engine, spec: MapSpec) -> float:
    """Seconds of scoring the subject against its set, from one comparison with blank tokens."""
    kept, recipe = _kept(engine, spec, spec.features.slices.subject), _recipe(spec)
    width = backbones.info(spec.features.backbone).width
    shape = (kept.sum(), len(_method(spec).planes), len(recipe.taps), width)
    cubes = Cubes(np.ones(shape, np.float16), np.argwhere(kept))
    began = time.monotonic()
    _method(spec).cube_scores(cubes, [cubes])
    return (time.monotonic() - began) * len(others(spec))


def encode(
    engine: Engine, spec: MapSpec, progress: Progress | None = None, priority: int = BACKGROUND
) -> int:
    """Compute and store the missing layers; returns how many were computed.

    A cancelled run continues where it stopped; what was stored meanwhile for another subject with
    the same set is not computed again.
    """
    todo, count = missing(engine, spec), 0
    for done, (features, layer) in enumerate(todo):
        if progress:
            progress(done, len(todo))
        count += _store(engine, spec, features, layer, priority)
    if progress and todo:
        progress(len(todo), len(todo))
    if count:
        engine.store.trim_when_due()
    return count


def set_map(engine: Engine, spec: MapSpec) -> tuple[FloatArray, FloatArray]:
    """Map (S, H, W) of the subject against its set, and its maximum in each slice (S,).

    The score of a slice without brain is NaN.
    """
    shown = spec.features.slices
    cubes = (_cubes(engine, spec, name) for name in others(spec))
    own, kept = _cubes(engine, spec, shown.subject), _kept(engine, spec, shown.subject)
    voxels = volume_map(_method(spec), engine.volume(shown).brain, kept, own, cubes)
    values = slicing.as_slices(voxels, shown.plane)
    filled = engine.stack(shown).brain.any(axis=(1, 2))
    return values, np.where(filled, values.max(axis=(1, 2)), np.float32(np.nan))


def _store(engine: Engine, spec: MapSpec, features: FeatureSpec, layer: int, priority: int) -> bool:
    """Compute and store a layer unless it is there; whether it was computed."""
    plane, recipe = features.slices.plane, _recipe(spec)
    kept = slicing.as_slices(_kept(engine, spec, features.slices.subject), plane)[layer]
    image, key = engine.stack(features.slices).image, feature_key(engine, features)
    slices = image[slicing.layer(len(image), recipe.grid, layer)]
    with engine.queue.turn(priority):
        if _name(layer) in engine.store.names(key):
            return False
        tower = engine.tower(features.backbone, features.precision)
        tokens = layer_tokens(_method(spec), tower, recipe, slices, kept)
        engine.store.write(key, _name(layer), tokens, features)
    return True


def _kept(engine: Engine, spec: MapSpec, subject: str) -> MaskArray:
    """Cubes (G, G, G) that touch a subject's brain; stored, so that no scan is read for them."""
    features = _of(spec, subject, "axial")
    key = feature_key(engine, features)
    found = engine.store.read(key, "kept")
    if found is None:
        brain = engine.volume(features.slices).brain
        kept = slicing.cubes_touching(brain, _recipe(spec).grid)
        found = engine.store.write(key, "kept", kept, features)
    return found


def _cubes(engine: Engine, spec: MapSpec, subject: str) -> Cubes:
    """Stored cubes of a subject; a layer that is damaged is computed again."""

    def tokens(plane: Plane, layer: int) -> FloatArray:
        features = _of(spec, subject, plane)
        key = feature_key(engine, features)
        found = engine.store.read(key, _name(layer))
        if found is None:
            _store(engine, spec, features, layer, INTERACTIVE)
            found = engine.store.read(key, _name(layer))
        assert found is not None  # it was stored just now
        return found

    return cubes_of(_kept(engine, spec, subject), _method(spec).planes, tokens)


def _of(spec: MapSpec, subject: str, plane: Plane) -> FeatureSpec:
    slices = replace(spec.features.slices, subject=subject, plane=plane)
    return replace(spec.features, slices=slices)


def _method(spec: MapSpec) -> VolumeMethod:
    found = methods.build(spec.method, spec.options)
    assert isinstance(found, VolumeMethod)  # the pipeline asks for no other
    return found


def _recipe(spec: MapSpec) -> Recipe:
    assert spec.features.recipe is not None  # what reads volumes has a tower
    return spec.features.recipe


def _name(layer: int) -> str:
    return f"{layer:03d}-cubes"
