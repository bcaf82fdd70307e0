"""The FLAIR-threshold baseline: the slice's own brightness, which beats many models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zsad_core.backbones.lazy import torch
from zsad_core.methods.aligned import Aligned, on_device
from zsad_core.methods.base import Method
from zsad_core.methods.grids import SliceTensors
from zsad_core.methods.setup import DEMO, Setup
from zsad_core.types import ByteArray, FloatArray, Learned, MaskArray, Recipe, SliceFeatures

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower


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
    ) -> list[SliceTensors]:
        """Nothing is computed."""
        return [{"pixels": torch.from_numpy(image)} for image in images]

    def align(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
        device: str,
    ) -> Aligned:
        """Pixel values (B, H, W), or the mean of three channels, over 255."""
        pixels = np.stack([arrays["pixels"] for arrays in features]).astype(np.float32)
        values = (pixels if pixels.ndim == 3 else pixels.mean(axis=3)) / 255
        parts = {"pixels": torch.from_numpy(values).to(device)}
        return Aligned(parts, on_device(retained, device), None, recipe)

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """The values as they are, and the largest of each slice."""
        values = aligned.parts["pixels"]
        return values, values.amax(dim=(1, 2))
