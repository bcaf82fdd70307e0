"""Features of slices for a method: each slice's arrays are computed once and stored.

The arrays of a slice lie in one file, as fields of one record; its name says which they are, so
that a method finds what it reads in what another stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsad_core import backbones, methods, setups
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE
from zsad_core.base.store import key_of
from zsad_core.imaging import slicing
from zsad_core.inference.engine import Engine
from zsad_core.setups import Setup
from zsad_core.types import (
    ByteArray,
    FeatureSpec,
    MaskArray,
    Progress,
    Recipe,
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


def filled_slices(engine: Engine, spec: SliceSpec) -> list[int]:
    """Slices with brain in them; the others are empty and skipped."""
    return [int(s) for s in np.flatnonzero(engine.stack(spec).brain.any(axis=(1, 2)))]


@dataclass(frozen=True)
class StoredFeatures:
    """The slices of a scan as a method reads them from its tower, under the recipe of the spec."""

    engine: Engine
    spec: FeatureSpec
    recipe: Recipe
    method: methods.Method
    setup: Setup

    @property
    def key(self) -> str:
        """What the features are stored under."""
        return feature_key(self.engine, self.spec)

    def retained(self, slices: Sequence[int] | None = None) -> MaskArray:
        """Patches of all or some slices near the brain, (S, R, C); no others are computed."""
        brain = self.engine.stack(self.spec.slices).brain
        brain = brain if slices is None else brain[list(slices)]
        return slicing.patches_near(brain, self.recipe.grid, self.recipe.reach)

    def complete(self) -> bool:
        """Whether all features of the volume are stored, as told without reading the scan."""
        known = self.engine.known_digest(self.spec.slices)
        return bool(known) and COMPLETE in self.engine.store.names(self.key)

    def bytes(self, slices: Iterable[int]) -> int:
        """Size of the features of some slices that are stored."""
        return sum(array.nbytes for index in slices for array in self.read(index).values())

    def missing(self) -> list[int]:
        """Slices with brain whose features are not all in the store."""
        stored = self._stored_with(self.key)
        filled = filled_slices(self.engine, self.spec.slices)
        return [s for s in filled if f"{s:03d}" not in stored]

    def encode(
        self,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        priority: int = BACKGROUND,
        size: int = BATCH,
    ) -> int:
        """Compute and store missing features of all or some slices; returns how many.

        Each slice is kept as soon as it is done, so a cancelled run continues where it stopped. For
        a whole volume the batches of `size` slices lie where they lie in an unbroken run, and a
        mark says that it is complete, which is then known without reading the scan.
        """
        computed = self._encode(slices, progress, priority, size)
        if slices is None and not self.missing():
            self._mark_complete()
        return computed

    def read(self, index: int) -> SliceFeatures:
        """Features of one slice, from the store where they are there."""
        found = self._stored(self.key, f"{index:03d}")
        if not found:
            self.encode([index], priority=INTERACTIVE)
            found = self._stored(self.key, f"{index:03d}")
        return found

    def views(self, reference: Reference) -> list[SliceFeatures]:
        """Features at all patches of what the memory holds of a normal slice, from the store."""
        recipe = self.recipe.everywhere()
        spec = replace(self.spec, slices=reference.slices, recipe=recipe)
        normal = replace(self, spec=spec, recipe=recipe)
        image = self.engine.stack(reference.slices).image[reference.index]
        views = self.method.reference_views(image, recipe.image_size)
        names = [f"{reference.index:03d}v{view}" for view in range(len(views))]
        stored = normal._stored_with(normal.key)
        todo = [view for view, name in enumerate(names) if name not in stored]
        for start in range(0, len(todo), BATCH):
            batch = todo[start : start + BATCH]
            kept = np.ones((len(batch), recipe.grid, recipe.grid), bool)
            normal._store(views[batch], kept, [names[view] for view in batch], INTERACTIVE)
        return [normal._stored(normal.key, name) for name in names]

    def _encode(
        self, slices: Iterable[int] | None, progress: Progress | None, priority: int, size: int
    ) -> int:
        todo = self.missing()
        places = filled_slices(self.engine, self.spec.slices)
        if slices is not None:
            places = todo = sorted(set(todo) & set(slices))
        if not todo:
            return 0
        images = self.engine.stack(self.spec.slices).image
        batches = (places[start : start + size] for start in range(0, len(places), size))
        for done, batch in enumerate(one for one in batches if not set(todo).isdisjoint(one)):
            if progress:
                progress(min(done * size, len(todo)), len(todo))
            names = [f"{index:03d}" for index in batch]
            self._store(images[batch], self.retained(batch), names, priority)
        if progress:
            progress(len(todo), len(todo))
        self.engine.store.trim_when_due()
        return len(todo)

    def _mark_complete(self) -> None:
        if COMPLETE not in self.engine.store.names(self.key):
            filled = np.array(filled_slices(self.engine, self.spec.slices))
            self.engine.store.write(self.key, COMPLETE, filled, self.spec)

    def _store(self, images: ByteArray, kept: MaskArray, names: list[str], priority: int) -> None:
        """Encode images (B, H, W) at kept patches (B, R, C) and store them under names."""
        engine, spec = self.engine, self.spec
        learned = setups.learned(self.setup) if self.method.in_tower else None
        with engine.turn(spec, priority, self.method.last_bits) as tower:
            found = self.method.encode(tower, images, self.recipe, kept, learned)
        records = {
            f"{name}-{'+'.join(of_slice)}": _record(of_slice, engine.store.exact)
            for name, of_slice in zip(names, found, strict=True)
        }
        engine.store.write_all(self.key, records, spec)

    def _stored(self, key: str, of_slice: str) -> SliceFeatures:
        """What the store holds of a slice; nothing where a part is missing."""
        store, parts = self.engine.store, self.method.parts(self.recipe)
        record = store.read(key, f"{of_slice}-{'+'.join(parts)}")
        if record is None and of_slice in (others := self._stored_with(key)):
            record = store.read(key, others[of_slice])
        return {} if record is None else {part: record[part] for part in parts}

    def _stored_with(self, key: str) -> dict[str, str]:
        """The records that hold all parts the method reads, by the slice: the name of each."""
        found, wanted = {}, set(self.method.parts(self.recipe))
        for name in self.engine.store.names(key):
            of_slice, _, held = name.partition("-")
            if wanted.issubset(held.split("+")):
                found[of_slice] = name
        return found


def _record(features: SliceFeatures, exact: bool) -> NDArray[Any]:
    """The arrays of a slice as fields of one record, in float16 unless exact."""
    fields = [
        (part, array.dtype if exact else np.float16, array.shape)
        for part, array in features.items()
    ]
    record = np.empty((), fields)
    for part, array in features.items():
        record[part] = array
    return record
