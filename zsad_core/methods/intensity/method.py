"""The FLAIR-threshold baseline: the slice's own brightness, which beats many models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from zsad_core.backbones import TowerInfo
from zsad_core.methods.setup import DEMO, Published, Setup
from zsad_core.methods.texts import TextEncoder
from zsad_core.types import (
    ByteArray,
    FloatArray,
    Learned,
    MaskArray,
    PromptSet,
    Recipe,
    SliceFeatures,
)

if TYPE_CHECKING:
    from zsad_core.backbones import Tower


@dataclass(frozen=True)
class Intensity:
    """Brightness under the volume's window as anomaly: map = pixel / 255, score = its maximum."""

    name: ClassVar[str] = "intensity"
    title: ClassVar[str] = "Intensity (baseline, no model)"
    source: ClassVar[str] = "threshold of the normalised intensity; no publication"
    high: ClassVar[float] = 1.0
    learned: ClassVar[bool] = False
    official: ClassVar[str] = ""
    prompts: ClassVar[str] = ""
    prompt_note: ClassVar[str] = ""
    needs_tower: ClassVar[bool] = False
    in_tower: ClassVar[bool] = False
    text_by_slice: ClassVar[bool] = False
    takes_references: ClassVar[bool] = False
    setups: ClassVar[tuple[Setup, ...]] = (
        Setup("intensity", "zero-shot", DEMO, "", "No model: brightness itself."),
    )
    published: ClassVar[tuple[Published, ...]] = ()

    def recipe(self, info: TowerInfo) -> Recipe:
        """Never asked for: there is no tower."""
        raise ValueError("the intensity baseline has no recipe")

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """The slice itself."""
        return ("pixels",)

    def by_volume(self, references: int) -> bool:
        """Every slice by itself."""
        return False

    def encode(
        self,
        tower: Tower,
        images: ByteArray,
        recipe: Recipe,
        kept: MaskArray,
        learned: Learned,
    ) -> list[SliceFeatures]:
        """Nothing is computed."""
        return [{"pixels": image} for image in images]

    def texts(
        self,
        prompts: PromptSet,
        encoder: TextEncoder,
        learned: Learned,
        features: Sequence[SliceFeatures],
    ) -> FloatArray:
        """Never asked for: there is no text."""
        raise ValueError("the intensity baseline reads no text")

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """Never asked for: nothing is learned."""
        raise ValueError("the intensity baseline learns nothing")

    def maps(
        self,
        features: Sequence[SliceFeatures],
        kept: MaskArray,
        text: FloatArray,
        learned: Learned,
        recipe: Recipe | None,
        references: Sequence[SliceFeatures],
    ) -> tuple[FloatArray, FloatArray]:
        """Pixel values (H, W), or the mean of three channels, over 255."""
        pixels = np.stack([one["pixels"] for one in features]).astype(np.float32)
        values = (pixels if pixels.ndim == 3 else pixels.mean(axis=3)) / 255
        return values, values.max(axis=(1, 2))
