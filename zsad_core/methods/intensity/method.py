"""The FLAIR-threshold baseline: the slice's own brightness, which beats many models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zsad_core.methods.base import Method
from zsad_core.methods.setup import DEMO, Setup
from zsad_core.types import (
    ByteArray,
    FloatArray,
    Learned,
    MaskArray,
    Recipe,
    SliceFeatures,
)

if TYPE_CHECKING:
    from zsad_core.backbones import Tower


@dataclass(frozen=True)
class Intensity(Method):
    """Brightness under the volume's window as anomaly: map = pixel / 255, score = its maximum."""

    name = "intensity"
    title = "Intensity (baseline, no model)"
    source = "threshold of the normalised intensity; no publication"
    needs_tower = False
    setups = (Setup("intensity", "zero-shot", DEMO, "", "No model: brightness itself."),)

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """The slice itself."""
        return ("pixels",)

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceFeatures]:
        """Nothing is computed."""
        return [{"pixels": image} for image in images]

    def maps(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        text: FloatArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
    ) -> tuple[FloatArray, FloatArray]:
        """Pixel values (H, W), or the mean of three channels, over 255."""
        pixels = np.stack([arrays["pixels"] for arrays in features]).astype(np.float32)
        values = (pixels if pixels.ndim == 3 else pixels.mean(axis=3)) / 255
        return values, values.max(axis=(1, 2))
