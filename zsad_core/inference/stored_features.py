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
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE, remark
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
        stored = self._stored_records()
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

        Each batch is stored as soon as it is encoded, so a cancelled run continues where it
        stopped. For a whole volume the batches of `size` slices are those of an uninterrupted run,
        and a mark is stored with it, so that it is known to be complete without reading the scan.
        """
        computed = self._encode(slices, progress, priority, size)
        if slices is None and not self.missing():
            self._mark_complete()
        return computed

    def read(self, index: int) -> SliceFeatures:
        """Features of one slice, from the store or encoded now."""
        name = f"{index:03d}"
        if features := self._stored(name):
            return features
        image = self.engine.stack(self.spec.slices).image[[index]]
        return self._store(image, self.retained([index]), [name], INTERACTIVE)[0]

    def views(self, reference: Reference) -> list[SliceFeatures]:
        """Features at all patches of what a few-shot method reads of a normal slice.

        They come from the store, or are encoded now.
        """
        recipe = self.recipe.everywhere()
        spec = replace(self.spec, slices=reference.slices, recipe=recipe)
        normal = replace(self, spec=spec, recipe=recipe)
        image = self.engine.stack(reference.slices).image[reference.index]
        views = self.method.reference_views(image, recipe.image_size)
        names = [f"{reference.index:03d}v{view}" for view in range(len(views))]
        features = [normal._stored(name) for name in names]
        missing = [view for view, stored in enumerate(features) if not stored]
        for batch in _batches(missing, BATCH):
            retained = np.ones((len(batch), recipe.grid, recipe.grid), bool)
            batch_names = [names[view] for view in batch]
            encoded = normal._store(views[batch], retained, batch_names, INTERACTIVE)
            for view, of_view in zip(batch, encoded, strict=True):
                features[view] = of_view
        return features

    def _encode(
        self, slices: Iterable[int] | None, progress: Progress | None, priority: int, size: int
    ) -> int:
        missing = self.missing()
        order = filled_slices(self.engine, self.spec.slices)
        if slices is not None:
            order = missing = sorted(set(missing) & set(slices))
        if not missing:
            return 0
        images = self.engine.stack(self.spec.slices).image
        batches = [batch for batch in _batches(order, size) if not set(missing).isdisjoint(batch)]
        for done, batch in enumerate(batches):
            if progress:
                progress(min(done * size, len(missing)), len(missing))
            names = [f"{index:03d}" for index in batch]
            self._store(images[batch], self.retained(batch), names, priority)
        if progress:
            progress(len(missing), len(missing))
        self.engine.store.trim_when_due()
        return len(missing)

    def _mark_complete(self) -> None:
        if COMPLETE not in self.engine.store.names(self.key):
            filled = np.array(filled_slices(self.engine, self.spec.slices))
            self.engine.store.write(self.key, COMPLETE, filled, self.spec)

    def _store(
        self, images: ByteArray, retained: MaskArray, names: list[str], priority: int
    ) -> list[SliceFeatures]:
        """Encode images (B, H, W) at retained patches (B, R, C), store and return the features."""
        engine, features = self.engine, self._encoded(images, retained, priority)
        records = {
            f"{name}-{'+'.join(arrays)}": _record(arrays, engine.store.exact)
            for name, arrays in zip(names, features, strict=True)
        }
        engine.store.write_all(self.key, records, self.spec)
        return [{part: record[part] for part in self._parts} for record in records.values()]

    def _encoded(
        self, images: ByteArray, retained: MaskArray, priority: int
    ) -> list[SliceFeatures]:
        """Features of images, of half as many at once where memory runs out."""
        learned = setups.learned(self.setup) if self.method.in_tower else None
        try:
            with self.engine.turn(self.spec, priority, self.method.last_bits) as tower:
                return self.method.encode(tower, images, self.recipe, retained, learned)
        except (MemoryError, RuntimeError) as error:
            if len(images) == 1 or not backbones.ran_out_of_memory(error):
                raise
        half = len(images) // 2
        remark(f"memory ran out at {len(images)} slices at once, so fewer are encoded at once")
        first = self._encoded(images[:half], retained[:half], priority)
        return [*first, *self._encoded(images[half:], retained[half:], priority)]

    @property
    def _parts(self) -> tuple[str, ...]:
        return self.method.parts(self.recipe)

    def _stored(self, slice_name: str) -> SliceFeatures:
        """What the store holds of a slice; nothing where a part is missing."""
        store, key, parts = self.engine.store, self.key, self._parts
        record = store.read(key, f"{slice_name}-{'+'.join(parts)}")
        if record is None and slice_name in (records := self._stored_records()):
            record = store.read(key, records[slice_name])
        return {} if record is None else {part: record[part] for part in parts}

    def _stored_records(self) -> dict[str, str]:
        """Names of the records that hold all parts the method reads, by the slice."""
        records, parts = {}, set(self._parts)
        for name in self.engine.store.names(self.key):
            slice_name, _, stored_parts = name.partition("-")
            if parts.issubset(stored_parts.split("+")):
                records[slice_name] = name
        return records


def _batches(indices: Sequence[int], size: int) -> list[Sequence[int]]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]


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
