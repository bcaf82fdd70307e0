"""What a method compares with text: features of many slices in a row, on the device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zsad_core.backbones.lazy import functional, torch
from zsad_core.types import FloatArray, Learned, MaskArray, Recipe, SliceFeatures

if TYPE_CHECKING:
    from torch import Tensor

TEMPERATURE = 0.07


@dataclass(frozen=True)
class Aligned:
    """The part of the maps of B slices that no text changes.

    Attributes:
        parts: tensors by name, float32 on one device; which, the method's `align` says.
        retained: (B, R, C) bool, on the same device.
        learned: what the method learned, for one that reads it beside the text.
        recipe: that of the features.
    """

    parts: Mapping[str, Tensor]
    retained: Tensor
    learned: Learned
    recipe: Recipe

    @property
    def bytes(self) -> int:
        """Memory of the tensors."""
        return sum(part.nbytes for part in (*self.parts.values(), self.retained))

    @property
    def taps(self) -> list[Tensor]:
        """The parts named after the taps of the recipe."""
        return [self.parts[f"tap{block}"] for block in self.recipe.taps]

    def text(self, text: FloatArray) -> Tensor:
        """Embeddings of texts, float32 beside the parts."""
        return torch.from_numpy(np.array(text, np.float32)).to(self.retained.device)


def on_device(retained: MaskArray, device: str) -> Tensor:
    """Retained patches (B, R, C) as a tensor."""
    return torch.from_numpy(np.array(retained)).to(device)


def joined(
    features: Sequence[SliceFeatures], part: str, device: str, rows: slice = slice(None)
) -> Tensor:
    """Some rows of a part of each slice, (P, E) or (E,), in a row: (sum of P, E) float32."""
    arrays = [np.atleast_2d(arrays[part])[rows] for arrays in features]
    return torch.from_numpy(np.concatenate(arrays)).to(device).float()


def unit(values: Tensor) -> Tensor:
    """Rows of length one."""
    return functional.normalize(values, dim=-1)


def differences(texts: Tensor) -> Tensor:
    """Abnormal less normal embedding, both of length one: (N, E) from (N, K, E)."""
    classes = unit(texts)
    return classes[:, 1] - classes[:, 0]


def probabilities(tokens: Tensor, texts: Tensor) -> Tensor:
    """softmax(cosine / 0.07) of the abnormal class, (N, M) of unit tokens (M, E), (N, K, E)."""
    return torch.sigmoid_(differences(texts) / TEMPERATURE @ tokens.T)
