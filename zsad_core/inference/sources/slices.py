"""Maps of slices through a tower: encoded, stored, mapped with the texts, a few at a time."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from zsad_core import methods, setups
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE
from zsad_core.base.threads import ThreadPool
from zsad_core.inference.sources.base import MapSource, SliceMaps
from zsad_core.inference.stored_features import StoredFeatures, filled_slices
from zsad_core.inference.stored_texts import ClassTexts
from zsad_core.methods import Method
from zsad_core.methods.aligned import Aligned
from zsad_core.types import AnomalyMap, FloatArray, Progress, Recipe

TOGETHER = 32  # slices mapped at once


@dataclass(frozen=True)
class SliceSource(MapSource):
    """A map made slice by slice."""

    method: Method
    recipe: Recipe

    @property
    def features(self) -> StoredFeatures:
        """What the tower makes of the slices."""
        features = self.spec.features
        return StoredFeatures(self.engine, features, self.recipe, self.method, self.setup)

    @property
    def texts(self) -> ClassTexts:
        """What the method reads of the prompts."""
        return ClassTexts(self.engine, self.spec, self.recipe, self.method, self.setup)

    @property
    def alone(self) -> bool:
        """Whether a slice's map does not depend on the other slices."""
        return not self.method.by_volume(len(self.spec.references))

    def entries(self) -> list[str]:
        """The key of the features."""
        return [self.features.key]

    def missing(self) -> list[int]:
        """Slices with brain whose features are not all stored."""
        return self.features.missing()

    def encode(
        self,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        priority: int = BACKGROUND,
        size: int | None = None,
    ) -> int:
        """Encode slices whose features are missing; returns how many."""
        return self.features.encode(slices, progress, priority, size)

    def aligned(self, slices: Sequence[int]) -> Aligned:
        """What no text changes of the maps of some slices with brain, on the engine's device.

        From the engine's memory, or from features that are read, and encoded where they lack. The
        key holds all that it is made from: scan, recipe, weights, learned part, options, normal
        slices.
        """
        spec = self.spec
        normal = tuple(
            (self.engine.digest(reference.slices), reference.index) for reference in spec.references
        )
        made_from = (spec.method, spec.options, setups.digest(self.setup), normal)
        key = (self.features.key, *made_from, tuple(slices))
        if not self.hold:
            return self.engine.aligned.peek(key) or self._align(slices)
        return self.engine.aligned.get(key, lambda: self._align(slices))

    def read_texts(self) -> None:
        """Encode the texts, unless they depend on the slice; raises WeightsError, PromptError."""
        if not self.method.text_by_slice:
            self.texts.embeddings()

    def of_slices(self, slices: Sequence[int]) -> SliceMaps | None:
        """Maps and scores of some slices; missing ones are encoded.

        As in the whole map, slices without brain hold 0 and score NaN.
        """
        if not self.alone:
            return None
        shape = self.engine.stack(self.spec.features.slices).brain.shape[1:]
        values = np.zeros((len(slices), *shape), np.float32)
        scores = np.full(len(slices), np.nan, np.float32)
        filled = np.isin(slices, filled_slices(self.engine, self.spec.features.slices))
        if filled.any():
            chosen = [index for index, brain in zip(slices, filled, strict=True) if brain]
            values[filled], scores[filled] = self._maps(chosen)
        return values, scores

    def whole(self, progress: Progress | None = None) -> AnomalyMap:
        """Every slice with brain."""
        filled = filled_slices(self.engine, self.spec.features.slices)
        step = TOGETHER if self.alone else max(len(filled), 1)
        parts = [filled[start : start + step] for start in range(0, len(filled), step)]
        return self.assembled(zip(parts, self._behind(parts, progress), strict=True))

    def _behind(self, parts: Sequence[list[int]], progress: Progress | None) -> Iterator[SliceMaps]:
        """Each part; those whose features are there are mapped while the rest is encoded."""
        pool = ThreadPool(1, "maps")
        started: list[Future[SliceMaps]] = []

        def start() -> None:
            missing = set(self.missing())
            while len(started) < len(parts) and missing.isdisjoint(parts[len(started)]):
                part = parts[len(started)]
                started.append(pool.submit(self._maps, part))

        try:
            count = self.features.encode(progress=progress, stored=start)
            for number, part in enumerate(parts):
                if progress and not count:
                    progress(sum(map(len, parts[:number])), sum(map(len, parts)))
                yield started[number].result() if number < len(started) else self._maps(part)
        finally:
            pool.shutdown(cancel_futures=True)

    def _maps(self, slices: Sequence[int]) -> SliceMaps:
        maps, scores = self.method.maps(self.aligned(slices), self._text(slices))
        shape = self.engine.stack(self.spec.features.slices).brain.shape[1:]
        return methods.stretched(maps, shape, self.method.high), scores.cpu().numpy()

    def _text(self, slices: Sequence[int]) -> FloatArray:
        """What the method reads of the prompts, for each of the slices where it depends on them."""
        if not self.method.text_by_slice:
            return self.texts.embeddings()
        stored = self.features
        return self.texts.embeddings(
            {f"{stored.digest}-{index:03d}": stored.read(index) for index in slices}
        )

    def _align(self, slices: Sequence[int]) -> Aligned:
        self.encode(slices, priority=INTERACTIVE)
        stored, learned = self.features, setups.learned(self.setup)
        features = [stored.read(index) for index in slices]
        normal = [view for reference in self.spec.references for view in stored.views(reference)]
        retained, device = stored.retained(slices), self.engine.device
        return self.method.align(features, retained, learned, self.recipe, normal, device)
