"""Maps of slices without a tower: the method reads the pixels themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zsad_core.inference.sources.base import MapSource, SliceMaps, in_range
from zsad_core.inference.stored_features import filled_slices
from zsad_core.methods.base import NO_TOWER, Method
from zsad_core.types import AnomalyMap, Progress


@dataclass(frozen=True)
class PixelSource(MapSource):
    """A map of slices as they are; nothing is encoded for it."""

    method: Method

    @property
    def alone(self) -> bool:
        """Each slice has a map by itself."""
        return True

    def of_slices(self, slices: Sequence[int]) -> SliceMaps:
        """Maps and scores of some slices."""
        image = self.engine.stack(self.spec.features.slices).image
        features = [{"pixels": image[index]} for index in slices]
        everywhere = np.ones((len(features), 1, 1), bool)
        no_text = np.zeros((2, 1), np.float32)
        aligned = self.method.align(features, everywhere, None, NO_TOWER, (), self.engine.device)
        values, scores = self.method.maps(aligned, no_text)
        return in_range(values.cpu().numpy(), self.method.high), scores.cpu().numpy()

    def whole(self, progress: Progress | None = None) -> AnomalyMap:
        """Every slice with brain."""
        filled = filled_slices(self.engine, self.spec.features.slices)
        anomaly = self.assembled([(filled, self.of_slices(filled))])
        if progress:
            progress(len(filled), len(filled))
        return anomaly
