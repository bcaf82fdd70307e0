"""Maps of slices without a tower: the method reads the pixels themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from zsad_core.inference import map_keys
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources.slices import in_range
from zsad_core.inference.stored_features import filled_slices
from zsad_core.methods.base import NO_TOWER, Method
from zsad_core.setups import Setup
from zsad_core.types import AnomalyMap, FloatArray, MapSpec, Progress, read_only


@dataclass(frozen=True)
class PixelSource:
    """A map of slices as they are; a `MapSource`."""

    engine: Engine
    spec: MapSpec
    method: Method
    setup: Setup
    alone: bool = True

    @property
    def key(self) -> MapSpec:
        """The spec alone."""
        return self.spec

    @property
    def map_key(self) -> str:
        """The scan's digest, the method and its options."""
        return map_keys.map_key(self.engine, self.spec, self.setup)

    def ready(self) -> bool:
        """Nothing is encoded for it."""
        return True

    def missing(self) -> list[int]:
        """No slice waits for anything."""
        return []

    def encode(
        self, slices: Iterable[int] | None, progress: Progress | None, priority: int, size: int
    ) -> int:
        """There is nothing to encode."""
        return 0

    def read_texts(self) -> None:
        """There is no text."""

    def some(self, slices: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        """Maps (S, H, W) and scores (S,) of some slices."""
        image = self.engine.stack(self.spec.features.slices).image
        features = [{"pixels": image[index]} for index in slices]
        everywhere = np.ones((len(features), 1, 1), bool)
        no_text = np.zeros((2, 1), np.float32)
        values, scores = self.method.maps(features, everywhere, no_text, None, NO_TOWER, ())
        return in_range(values, self.method.high), scores

    def whole(self, progress: Progress | None = None) -> AnomalyMap:
        """Every slice with brain; the others hold 0 and score NaN."""
        slices = self.spec.features.slices
        brain, filled = self.engine.stack(slices).brain, filled_slices(self.engine, slices)
        values = np.zeros(brain.shape, np.float32)
        scores = np.full(len(values), np.nan, np.float32)
        values[filled], scores[filled] = self.some(filled)
        if progress:
            progress(len(filled), len(filled))
        return AnomalyMap(read_only(values), read_only(scores), self.method.high)
