"""APRIL-GAN (VAND): a learned linear layer per tap, compared with the text of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import WeightsError
from zsad_core.methods.aprilgan.setups import PUBLISHED, SETUPS
from zsad_core.methods.base import Method
from zsad_core.methods.checkpoints import Shapes, wanted
from zsad_core.methods.grids import enlarged, grid_of, quarters, spread
from zsad_core.methods.texts import unit
from zsad_core.types import (
    FloatArray,
    Learned,
    MaskArray,
    Recipe,
    SliceFeatures,
)

if TYPE_CHECKING:
    from zsad_core.methods.encoder import Encoder
    from zsad_core.methods.learner import Learner

TAPS = 4
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

    def maps(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        text: FloatArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
    ) -> tuple[FloatArray, FloatArray]:
        """Sum over taps of the softmax of the enlarged logits; score from the class feature."""
        first = np.stack([arrays["class"] for arrays in features]).astype(np.float32)
        scores = expit(unit(first) @ (100 * (text[1] - text[0])))
        total = through_layers(features, retained, text, self.given(learned), recipe)
        return total.numpy(), scores

    def patch_values(
        self,
        features: SliceFeatures,
        retained: MaskArray,
        texts: FloatArray,
        learned: Learned,
        recipe: Recipe,
    ) -> FloatArray:
        """(N, P): sum over taps of the softmax at retained patches, not enlarged, for (N, K, E)."""
        return values_through_layers(features, texts, self.given(learned), recipe)

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
    features: Sequence[SliceFeatures],
    retained: MaskArray,
    text: FloatArray,
    learned: dict[str, FloatArray],
    recipe: Recipe,
) -> torch.Tensor:
    """(B, S, S): the sum over taps of the softmax of the enlarged logits, 0 … 4."""
    apart = torch.from_numpy(100 * (text[1] - text[0])).float()  # (E,); a softmax of two
    total = torch.zeros(len(retained), 1, recipe.image_size, recipe.image_size)
    for i, block in enumerate(recipe.taps):
        tokens = np.concatenate([arrays[f"tap{block}"] for arrays in features])
        logits = _aligned(tokens, learned, i) @ apart  # (sum of P,)
        grid = spread(logits.numpy(), retained, FAR)
        total += torch.sigmoid(enlarged(grid, recipe.image_size, align_corners=True))
    return total[:, 0]


def values_through_layers(
    features: SliceFeatures, texts: FloatArray, learned: dict[str, FloatArray], recipe: Recipe
) -> FloatArray:
    """(N, P): that sum at the retained patches of one slice, not enlarged, for texts (N, K, E)."""
    apart = torch.from_numpy(100 * (texts[:, 1] - texts[:, 0])).float()  # (N, E)
    taps = [_aligned(features[f"tap{block}"], learned, i) for i, block in enumerate(recipe.taps)]
    return np.asarray(torch.stack([torch.sigmoid(apart @ tap.T) for tap in taps]).sum(0).numpy())


def _aligned(tokens: FloatArray, learned: dict[str, FloatArray], tap: int) -> torch.Tensor:
    """Tokens (P, width) of a tap in the space of the text, (P, E), of length one."""
    values = torch.from_numpy(np.array(tokens, np.float32))
    z = torch.nn.functional.linear(values, *_layer(learned, tap, tokens.shape[1]))
    return z / z.norm(dim=1, keepdim=True)


def _layer(learned: dict[str, FloatArray], tap: int, width: int) -> tuple[torch.Tensor, ...]:
    weight, bias = (learned.get(f"fc.{tap}.{name}") for name in ("weight", "bias"))
    if weight is None or bias is None or weight.shape[1] != width:
        shape = "none" if weight is None else str(weight.shape)
        raise WeightsError(
            f"The checkpoint does not fit the backbone: fc.{tap}.weight is {shape}, expected "
            f"(embedding, {width}); choose the checkpoint trained on this backbone."
        )
    return torch.from_numpy(weight).float(), torch.from_numpy(bias).float()
