"""APRIL-GAN (VAND): a learned linear layer per tap, compared with the text of each class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import functional, torch
from zsad_core.errors import WeightsError
from zsad_core.methods.aligned import Aligned, joined, on_device, unit
from zsad_core.methods.aprilgan.setups import PUBLISHED, SETUPS
from zsad_core.methods.base import Method
from zsad_core.methods.checkpoints import Shapes, wanted
from zsad_core.methods.grids import enlarged, grid_of, quarters, reach, spread
from zsad_core.types import (
    FloatArray,
    Learned,
    MaskArray,
    Recipe,
    SliceFeatures,
)

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.methods.encoder import Encoder
    from zsad_core.methods.learner import Learner

TAPS = 4
NEAR = 8  # slices
FAR = -20.0  # logit of a patch that is not retained: certainly normal


@dataclass(frozen=True)
class AprilGan(Method):
    """APRIL-GAN, Chen et al. 2023, arXiv 2305.17382; github.com/ByChelsea/VAND-APRIL-GAN f13b8a6.

    The residual stream after blocks n/4, n/2, 3n/4, n goes through `fc.i`, is normalised and
    compared with both class embeddings; the map is the sum over taps of softmax(100 cos), 0 … 4.
    Differences: none in float32. The official input is 518 px for a ViT-L-14-336, here
    `image_size`, by default the backbone's own.
    """

    image_size: int = 0

    name = "aprilgan"
    title = "APRIL-GAN"
    source = "Chen et al. 2023, arXiv 2305.17382"
    high = float(TAPS)
    learned = True
    official = "trainable_linearlayer."
    prompts = "aprilgan"
    setups = SETUPS
    published = PUBLISHED

    def recipe(self, info: TowerInfo) -> Recipe:
        """Four taps, a quarter of the blocks apart (6, 12, 18, 24 of 24)."""
        side, grid = grid_of(info, self.image_size)
        return Recipe("taps", side, grid, quarters(info), activation=info.activation or "gelu")

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """`fc.i.weight` (E, width) and `fc.i.bias` (E,) of each tap i."""
        return wanted(tensors, layer_shapes(info))

    def align(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
        device: str,
    ) -> Aligned:
        """Tokens of each tap through its linear layer, of length one, and the class feature."""
        parts = through_layers(features, self.given(learned), recipe, device)
        parts["class"] = unit(joined(features, "class", device))
        return Aligned(parts, on_device(retained, device), None, recipe)

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """Sum over taps of the softmax of the enlarged logits; score from the class feature."""
        apart = apart_by_100(aligned.text(text[None]))[0]
        scores = torch.sigmoid(aligned.parts["class"] @ apart)
        return of_layers(aligned, apart), scores

    def patch_values(self, aligned: Aligned, texts: FloatArray) -> Tensor:
        """(N, sum of P): sum over taps of the softmax at retained patches, not enlarged."""
        return values_of_layers(aligned, apart_by_100(aligned.text(texts)))

    def learner(self, encoder: Encoder) -> Learner:
        """Linear layers on the stored tokens of each tap."""
        from zsad_core.methods.aprilgan.training import LinearLayers

        return LinearLayers(encoder)


def layer_shapes(info: TowerInfo | None) -> Shapes:
    """Shapes of a linear layer for each tap; any size where the backbone is not known."""
    embed, width = (info.embed_dim, info.width) if info else (None, None)
    weights: Shapes = {f"fc.{i}.weight": (embed, width) for i in range(TAPS)}
    return {**weights, **{f"fc.{i}.bias": (embed,) for i in range(TAPS)}}


def through_layers(
    features: Sequence[SliceFeatures], learned: dict[str, FloatArray], recipe: Recipe, device: str
) -> dict[str, Tensor]:
    """Tokens of each tap in the space of the text, of length one: (sum of P, E) by the tap."""
    parts = {}
    for i, block in enumerate(recipe.taps):
        tokens = joined(features, f"tap{block}", device)
        weight, bias = _layer(learned, i, tokens.shape[1])
        parts[f"tap{block}"] = unit(functional.linear(tokens, weight.to(device), bias.to(device)))
    return parts


def apart_by_100(texts: Tensor) -> Tensor:
    """What a token is multiplied with for the logit of a softmax of two: (N, E) of (N, K, E)."""
    return 100 * (texts[:, 1] - texts[:, 0])


def of_layers(aligned: Aligned, apart: Tensor) -> Tensor:
    """(B, S, S): the sum over taps of the softmax of the enlarged logits, 0 … 4, for (E,).

    A few slices at once, whose values a processor holds near, and only where patches reach.
    """
    side, retained = aligned.recipe.image_size, aligned.retained
    taps = [spread(tap @ apart, retained, FAR) for tap in aligned.taps]
    far = len(taps) / (1 + math.exp(-FAR))
    maps = apart.new_full((len(retained), side, side), far)
    for start in range(0, len(retained), NEAR):
        chunk = slice(start, start + NEAR)
        within = reach(retained[chunk], side)
        total = maps[chunk, *within].zero_()
        for grids in taps:
            total += enlarged(grids[chunk], side, align_corners=True, within=within).sigmoid_()
    return maps


def values_of_layers(aligned: Aligned, apart: Tensor) -> Tensor:
    """(N, sum of P): that sum at the retained patches, not enlarged, for (N, E)."""
    return torch.stack([torch.sigmoid_(apart @ tap.T) for tap in aligned.taps]).sum(dim=0)


def _layer(learned: dict[str, FloatArray], tap: int, width: int) -> tuple[Tensor, Tensor]:
    weight, bias = (learned.get(f"fc.{tap}.{name}") for name in ("weight", "bias"))
    if weight is None or bias is None or weight.shape[1] != width:
        shape = "none" if weight is None else str(weight.shape)
        raise WeightsError(
            f"The checkpoint does not fit the backbone: fc.{tap}.weight is {shape}, expected "
            f"(embedding, {width}); choose the checkpoint trained on this backbone."
        )
    return torch.from_numpy(weight).float(), torch.from_numpy(bias).float()
