"""Cubes of a subject and of its set: each layer of each plane is computed once and stored."""

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from zsad_core import backbones
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
    names = tuple(name for name in spec.volumes if name != shown)
    if not names:
        raise SettingError(
            f"'{spec.method}' scores {shown} against other volumes, and the set holds 0 others; "
            "add one to the set."
        )
    return names


def digests(engine: Engine, spec: MapSpec) -> list[str]:
    """What the set adds to a map's key: its scans' digests; none for a method without a set."""
    slices = spec.features.slices
    names = others(spec) if spec.volumes else ()
    return sorted(engine.digest(replace(slices, subject=name)) for name in names)


@dataclass(frozen=True)
class StoredCubes:
    """Cubes of the spec's subject, and of the set that it is scored against."""

    engine: Engine
    spec: MapSpec
    recipe: Recipe
    method: VolumeMethod

    @property
    def others(self) -> tuple[str, ...]:
        """Ids of the set, the subject excluded."""
        return others(self.spec)

    def keys(self, names: Iterable[str]) -> list[str]:
        """What the cubes of some volumes are stored under, plane by plane."""
        pairs = itertools.product(names, self.method.planes)
        return [feature_key(self.engine, self._of(name, plane)) for name, plane in pairs]

    def missing(self, names: Iterable[str] | None = None) -> list[tuple[FeatureSpec, int]]:
        """Layers of cubes that are not in the store, of the subject and its set, or of `names`.

        A scan not read since the start counts as missing whole: its key needs its bytes.
        """
        missing = []
        subjects = (self._subject, *self.others) if names is None else tuple(names)
        for name, plane in itertools.product(subjects, self.method.planes):
            features = self._of(name, plane)
            known = self.engine.known_digest(features.slices)
            held = self.engine.store.names(feature_key(self.engine, features)) if known else set()
            layers = range(self.recipe.grid)
            missing += [(features, layer) for layer in layers if _name(layer) not in held]
        return missing

    def costs(self, todo: Sequence[tuple[FeatureSpec, int]]) -> tuple[float, float]:
        """(seconds, bytes) that missing layers will take, estimated from one, which is stored now.

        It lies in the middle of a volume, where there is brain; the share of layers with brain is
        that volume's.
        """
        engine, grid = self.engine, self.recipe.grid
        features, layer = min(todo, key=lambda item: abs(item[1] - grid // 2))
        retained = self._retained(features.slices.subject)
        planes = [slicing.as_slices(retained, plane) for plane in self.method.planes]
        share = np.mean([layers.any(axis=(1, 2)) for layers in planes])
        engine.stack(features.slices)
        engine.tower(features.backbone, features.precision)
        began = time.monotonic()
        self._store(features, layer, BACKGROUND)
        spent = time.monotonic() - began
        tokens = engine.store.read(feature_key(engine, features), _name(layer))
        cube = tokens.nbytes / len(tokens) if tokens is not None and len(tokens) else 0
        return spent * float(share) * len(todo), cube * retained.sum() / grid * len(todo)

    def comparing(self) -> float:
        """Seconds of scoring the subject against its set, from one comparison of blank tokens."""
        retained = self._retained(self._subject)
        width = backbones.info(self.spec.features.backbone).width
        shape = (retained.sum(), len(self.method.planes), len(self.recipe.taps), width)
        cubes = Cubes(np.ones(shape, np.float16), np.argwhere(retained))
        began = time.monotonic()
        self.method.cube_scores(cubes, [cubes])
        return (time.monotonic() - began) * len(self.others)

    def encode(self, progress: Progress | None = None, priority: int = BACKGROUND) -> int:
        """Compute and store the missing layers; returns how many were computed.

        A cancelled run continues where it stopped; what was stored meanwhile for another subject
        with the same set is not computed again.
        """
        todo, count = self.missing(), 0
        for done, (features, layer) in enumerate(todo):
            if progress:
                progress(done, len(todo))
            count += self._store(features, layer, priority)
        if progress and todo:
            progress(len(todo), len(todo))
        if count:
            self.engine.store.trim_when_due()
        return count

    def map_and_scores(self) -> tuple[FloatArray, FloatArray]:
        """Map (S, H, W) of the subject against its set, and its maximum in each slice (S,).

        The score of a slice without brain is NaN.
        """
        shown = self.spec.features.slices
        own, retained = self._cubes(shown.subject), self._retained(shown.subject)
        brain = self.engine.volume(shown).brain
        voxels = volume_map(self.method, brain, retained, own, map(self._cubes, self.others))
        values = slicing.as_slices(voxels, shown.plane)
        filled = self.engine.stack(shown).brain.any(axis=(1, 2))
        return values, np.where(filled, values.max(axis=(1, 2)), np.float32(np.nan))

    @property
    def _subject(self) -> str:
        return self.spec.features.slices.subject

    def _store(self, features: FeatureSpec, layer: int, priority: int) -> bool:
        """Compute and store a layer unless it is there; whether it was computed."""
        engine, plane = self.engine, features.slices.plane
        retained = slicing.as_slices(self._retained(features.slices.subject), plane)[layer]
        image, key = engine.stack(features.slices).image, feature_key(engine, features)
        slices = image[slicing.layer(len(image), self.recipe.grid, layer)]
        with engine.turn(features, priority, self.method.last_bits) as tower:
            if _name(layer) in engine.store.names(key):
                return False
            tokens = layer_tokens(self.method, tower, self.recipe, slices, retained)
            engine.store.write(key, _name(layer), tokens, features)
        return True

    def _retained(self, subject: str) -> MaskArray:
        """Cubes (G, G, G) that touch a subject's brain; stored, so that no scan is read for it."""
        features = self._of(subject, "axial")
        key = feature_key(self.engine, features)
        stored = self.engine.store.read(key, "kept")
        if stored is None:
            brain = self.engine.volume(features.slices).brain
            retained = slicing.cubes_touching(brain, self.recipe.grid)
            stored = self.engine.store.write(key, "kept", retained, features)
        return stored

    def _cubes(self, subject: str) -> Cubes:
        """Stored cubes of a subject; a layer that is damaged is computed again."""

        def tokens(plane: Plane, layer: int) -> FloatArray:
            features = self._of(subject, plane)
            key = feature_key(self.engine, features)
            stored = self.engine.store.read(key, _name(layer))
            if stored is None:
                self._store(features, layer, INTERACTIVE)
                stored = self.engine.store.read(key, _name(layer))
            assert stored is not None  # it was stored just now
            return stored

        return cubes_of(self._retained(subject), self.method.planes, tokens)

    def _of(self, subject: str, plane: Plane) -> FeatureSpec:
        slices = replace(self.spec.features.slices, subject=subject, plane=plane)
        return replace(self.spec.features, slices=slices)


def _name(layer: int) -> str:
    return f"{layer:03d}-cubes"
