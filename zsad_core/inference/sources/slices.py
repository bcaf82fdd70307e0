"""Maps of slices through a tower: encoded, stored, mapped with the texts, a few at a time."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass

import numpy as np

from zsad_core import methods, setups
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE
from zsad_core.inference import stored_features
from zsad_core.inference.engine import Engine
from zsad_core.inference.stored_features import (
    feature_key,
    filled_slices,
    kept_patches,
    read,
    read_reference,
)
from zsad_core.inference.stored_texts import class_embeddings
from zsad_core.methods import Method
from zsad_core.types import AnomalyMap, FloatArray, MapSpec, Progress, read_only

TOGETHER = 32  # slices mapped at once
Part = tuple[FloatArray, FloatArray]
"""Maps (S, H, W) and scores (S,) of some slices."""


@dataclass(frozen=True)
class SliceSource:
    """A map made slice by slice; a `MapSource`."""

    engine: Engine
    spec: MapSpec
    method: Method

    @property
    def alone(self) -> bool:
        """Whether a slice's map does not depend on the other slices."""
        return not self.method.by_volume(len(self.spec.references))

    @property
    def key(self) -> MapSpec:
        """The spec alone."""
        return self.spec

    def ready(self) -> bool:
        """Whether the features of every slice with brain are stored."""
        return not self.missing()

    def missing(self) -> list[int]:
        """Slices with brain whose features are not all stored."""
        return stored_features.missing(self.engine, self.spec)

    def encode(
        self,
        slices: Iterable[int] | None = None,
        progress: Progress | None = None,
        priority: int = BACKGROUND,
        size: int = stored_features.BATCH,
    ) -> int:
        """Encode slices whose features are missing; returns how many."""
        return stored_features.encode(self.engine, self.spec, slices, progress, priority, size)

    def read_texts(self) -> None:
        """Encode the texts, unless they depend on the slice; raises WeightsError, PromptError."""
        if self.spec.features.recipe and not self.method.text_by_slice:
            class_embeddings(self.engine, self.spec, {})

    def some(self, slices: Sequence[int]) -> Part | None:
        """Maps and scores of some slices; missing ones are encoded."""
        return self._maps(slices) if self.alone else None

    def whole(self, progress: Progress | None = None) -> AnomalyMap:
        """Every slice with brain; the others hold 0 and score NaN."""
        stack = self.engine.stack(self.spec.features.slices)
        values = np.zeros(stack.image.shape, np.float32)
        scores = np.full(len(values), np.nan, np.float32)
        filled = filled_slices(self.engine, self.spec.features.slices)
        step = TOGETHER if self.alone else max(len(filled), 1)
        parts = [filled[start : start + step] for start in range(0, len(filled), step)]
        for part, found in zip(parts, self._behind(parts, progress), strict=True):
            values[part], scores[part] = found
        return AnomalyMap(read_only(values), read_only(scores), self.method.high)

    def _behind(self, parts: Sequence[list[int]], progress: Progress | None) -> Iterator[Part]:
        """Each part; those whose features are there are mapped while the rest is encoded."""
        pool = ThreadPoolExecutor(1, "maps")
        started: list[Future[Part]] = []

        def encoded(done: int, total: int) -> None:
            if progress:
                progress(done, total)
            if len(started) == len(parts) or done < sum(map(len, parts[: len(started) + 1])):
                return
            part = parts[len(started)]
            if set(part).isdisjoint(self.missing()):
                started.append(pool.submit(copy_context().run, self._maps, part))

        try:
            count = self.encode(progress=encoded)
            for number, part in enumerate(parts):
                if progress and not count:
                    progress(sum(map(len, parts[:number])), sum(map(len, parts)))
                yield started[number].result() if number < len(started) else self._maps(part)
        finally:
            pool.shutdown(cancel_futures=True)

    def _maps(self, slices: Sequence[int]) -> Part:
        engine, spec, method = self.engine, self.spec, self.method
        self.encode(slices, priority=INTERACTIVE)
        recipe = spec.features.recipe
        kept = kept_patches(engine, spec.features, slices)
        features = [read(engine, spec, index) for index in slices]
        text = np.zeros((2, 1), np.float32)
        if recipe:
            key = feature_key(engine, spec.features) if method.text_by_slice else ""
            named = {f"{key}-{index:03d}": one for index, one in zip(slices, features, strict=True)}
            text = class_embeddings(engine, spec, named)
        normal = [view for one in spec.references for view in read_reference(engine, spec, one)]
        learned = setups.learned(setups.find(spec.method, spec.setup))
        values, scores = method.maps(features, kept, text, learned, recipe, normal)
        shape = engine.stack(spec.features.slices).image.shape[1:]
        return in_range(methods.stretched(values, shape), method.high), scores


def in_range(values: FloatArray, high: float) -> FloatArray:
    """Rounding and resampling may pass the ends of the range by a last bit."""
    return np.clip(values, 0, high, dtype=np.float32)
