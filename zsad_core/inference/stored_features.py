"""Features of slices for a method: each slice's arrays are computed once and stored.

A slice is a row of the store, an array of each part, so that a method finds what it reads in what
another stored.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np

from zsad_core import backbones, methods, setups
from zsad_core.backbones.host_copy import HostCopy
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE
from zsad_core.base.store import key_of
from zsad_core.base.threads import ThreadPool
from zsad_core.imaging import slicing
from zsad_core.inference import halving
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

BATCH = 4  # slices or views at once, for an evaluation unless told
FORMAT = 3  # of the files of features, which no key of a map depends on
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
        return key_of(self.digest, format=FORMAT)

    @property
    def digest(self) -> str:
        """What the features are made from, for keys of what is made from them."""
        return feature_key(self.engine, self.spec)

    def retained(self, slices: Sequence[int] | None = None) -> MaskArray:
        """Patches of all or some slices near the brain, (S, R, C); no others are computed."""
        brain = self.engine.stack(self.spec.slices).brain
        brain = brain if slices is None else brain[list(slices)]
        return slicing.patches_near(brain, self.recipe.grid, self.recipe.reach)

    def complete(self) -> bool:
        """Whether all features of the volume are stored, as told without reading the scan."""
        if not self.engine.known_digest(self.spec.slices):
            return False
        filled = self.engine.store.read(self.key, COMPLETE)
        return filled is not None and self._stored_names().issuperset(map(_name, filled))

    def bytes(self, slices: Iterable[int]) -> int:
        """Size of the features of some slices that are stored."""
        return sum(array.nbytes for index in slices for array in self.read(index).values())

    def missing(self) -> list[int]:
        """Slices with brain whose features are not all in the store."""
        stored = self._stored_names()
        filled = filled_slices(self.engine, self.spec.slices)
        return [s for s in filled if _name(s) not in stored]

    def encode(
        self,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        priority: int = BACKGROUND,
        size: int | None = None,
        stored: Callable[[], None] = lambda: None,
    ) -> int:
        """Compute and store missing features of all or some slices; returns how many.

        Each batch is stored while the next is encoded, so a run that is cancelled or killed
        continues where it stopped. For a whole volume the batches of `size` slices are those of an
        uninterrupted run, and a mark is stored with it, so that it is known to be complete without
        reading the scan. `stored` is called, in another thread, after each batch.
        """
        computed = self._encode(slices, progress, priority, size or self.engine.batch, stored)
        if slices is None and not self.missing():
            self._mark_complete()
        return computed

    def read(self, index: int) -> SliceFeatures:
        """Features of one slice, from the store or encoded now."""
        if features := self._stored(_name(index)):
            return features
        image = self.engine.stack(self.spec.slices).image[[index]]
        encoded = self._encoded(image, self.retained([index]), INTERACTIVE)
        return self._store([_name(index)], encoded)[0]

    def views(self, reference: Reference) -> list[SliceFeatures]:
        """Features at all patches of what a few-shot method reads of a normal slice.

        They come from the store, or are encoded now.
        """
        recipe = self.recipe.everywhere()
        spec = replace(self.spec, slices=reference.slices, recipe=recipe)
        normal = replace(self, spec=spec, recipe=recipe)
        image = self.engine.stack(reference.slices).image[reference.index]
        views = self.method.reference_views(image, recipe.image_size)
        names = [f"{_name(reference.index)}v{view}" for view in range(len(views))]
        features = [normal._stored(name) for name in names]
        missing = [view for view, stored in enumerate(features) if not stored]
        for batch in _batches(missing, BATCH):
            retained = np.ones((len(batch), recipe.grid, recipe.grid), bool)
            encoded = normal._encoded(views[batch], retained, INTERACTIVE)
            stored = normal._store([names[view] for view in batch], encoded)
            for view, of_view in zip(batch, stored, strict=True):
                features[view] = of_view
        return features

    def _encode(
        self,
        slices: Iterable[int] | None,
        progress: Progress | None,
        priority: int,
        size: int,
        stored: Callable[[], None],
    ) -> int:
        missing = self.missing()
        order = filled_slices(self.engine, self.spec.slices)
        if slices is not None:
            order = missing = sorted(set(missing) & set(slices))
        if not missing:
            return 0
        images = self.engine.stack(self.spec.slices).image
        batches = [batch for batch in _batches(order, size) if not set(missing).isdisjoint(batch)]

        def store(names: list[str], copies: list[HostCopy]) -> None:
            self._store(names, copies)
            stored()

        with ThreadPool(1, "features") as pool:
            written: Future[None] | None = None
            for done, batch in enumerate(batches):
                if progress:
                    progress(min(done * size, len(missing)), len(missing))
                encoded = self._encoded(images[batch], self.retained(batch), priority)
                if written:
                    written.result()
                written = pool.submit(store, [*map(_name, batch)], encoded)
            if written:
                written.result()
        if progress:
            progress(len(missing), len(missing))
        self.engine.store.trim_when_due()
        return len(missing)

    def _mark_complete(self) -> None:
        if COMPLETE not in self.engine.store.names(self.key):
            filled = np.array(filled_slices(self.engine, self.spec.slices))
            self.engine.store.write(self.key, COMPLETE, filled, self.spec)

    def _store(self, names: list[str], copies: list[HostCopy]) -> list[SliceFeatures]:
        """Store features under names, once they are copied, and return them."""
        features = [arrays for copy in copies for arrays in copy.arrays()]
        self.engine.store.append(self.key, dict(zip(names, features, strict=True)), self.spec)
        return features

    def _encoded(self, images: ByteArray, retained: MaskArray, priority: int) -> list[HostCopy]:
        """Features of images (B, H, W) at retained patches (B, R, C), float16 unless exact.

        They are still on their way from the device.
        """
        learned = setups.learned(self.setup) if self.method.in_tower else None

        def encode(part: slice) -> HostCopy:
            given = images[part], self.recipe, retained[part], learned
            with self.engine.turn(self.spec, priority, self.method.last_bits) as tower:
                return HostCopy(self.method.encode(tower, *given), half=not self.engine.store.exact)

        return [copy for _, copy in halving.encoded(encode, 0, len(images))]

    @property
    def _parts(self) -> tuple[str, ...]:
        return self.method.parts(self.recipe)

    def _stored(self, slice_name: str) -> SliceFeatures:
        """What the store holds of a slice; nothing where a part is missing."""
        return self.engine.store.read_row(self.key, slice_name, self._parts) or {}

    def _stored_names(self) -> set[str]:
        """Names of the slices of which all parts are stored that the method reads."""
        return self.engine.store.row_names(self.key, self._parts)


def _name(index: int) -> str:
    return f"{index:03d}"


def _batches(indices: Sequence[int], size: int) -> list[Sequence[int]]:
    return [indices[start : start + size] for start in range(0, len(indices), size)]
