"""CLIP-AD's SDP: a V-V stream begun anew at each quarter of the blocks, without any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, softmax

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import SettingError
from zsad_core.methods.aprilgan.method import TAPS
from zsad_core.methods.base import Method
from zsad_core.methods.clipad.setups import SETUPS
from zsad_core.methods.grids import grid_of, quarters, reach_of, smoothly, spread
from zsad_core.methods.texts import unit
from zsad_core.types import (
    ByteArray,
    FloatArray,
    Learned,
    MaskArray,
    Recipe,
    SliceFeatures,
)

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones import Tower


@dataclass(frozen=True)
class ClipAd(Method):
    """CLIP-AD's SDP, Chen et al. 2023, arXiv 2311.00453; github.com/ByChelsea/CLIP-AD f004973.

    Not proven by a golden: no output of the official code was at hand to compare with.

    The V-V attention of all blocks is added up in a stream that begins anew after each quarter of
    the blocks; its patches z and the class token c of the original stream pass `ln_post` and the
    projection and are normalised. With the texts n and a, and p = softmax(c n, c a), CLIP-Surgery's
    removal of what both texts share leaves s = p_a (z a) - p_n (z n), -1 … 1, for a tap. The
    official map is the sum over taps of s, enlarged and smoothed by a Gaussian of `sigma` pixels.
    Differences: the map is 1/2 + sign(m) sqrt|m| / 2 of the mean m over taps, which ranks alike,
    lies in 0 … 1 and is fine near 0, where real values crowd; one text for a side is the mean of
    its sentences, as by the script's default (its published runs cluster them by DBSCAN); float32
    where the official run is under autocast. The official input is 240 px for a ViT-B-16-plus-240,
    here `image_size`, by default the backbone's own.
    """

    image_size: int = 0
    sigma: int = 8

    name = "clipad"
    title = "CLIP-AD SDP"
    source = "Chen et al. 2023, arXiv 2311.00453; not proven by a golden"
    prompts = "clipad"
    setups = SETUPS

    def recipe(self, info: TowerInfo) -> Recipe:
        """Both streams at four taps, a quarter of the blocks apart."""
        return recipe_of(info, self.image_size, self.sigma)

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """A (1 + P, E) array for each tap: the class feature, then the V-V stream's patches."""
        return tuple(f"vv{block}" for block in recipe.taps)

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceFeatures]:
        """Class features and local features of the retained patches, not normalised."""
        _, local = tower.two_stream_taps(images, recipe)
        return retained_local_features(local, recipe, retained)

    def maps(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        text: FloatArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
    ) -> tuple[FloatArray, FloatArray]:
        """The mean over taps, smoothed, with its root taken; score from the last class feature."""
        maps = rooted(
            smoothed(surgery(features, retained, text, recipe), recipe, self.sigma) / TAPS
        )
        return maps.numpy(), scores_of(features, text, recipe)

    def patch_values(
        self,
        features: SliceFeatures,
        retained: MaskArray,
        texts: FloatArray,
        learned: Learned,
        recipe: Recipe,
    ) -> FloatArray:
        """(N, P): values of the retained patches, not smoothed, for (N, K, E)."""
        mean = torch.from_numpy(surgeries(features, texts, recipe) / TAPS)
        return np.asarray(rooted(mean).numpy())


def recipe_of(info: TowerInfo, image_size: int, sigma: int) -> Recipe:
    """That of SDP and of SDP+; raises SettingError for a Gaussian of no width."""
    if sigma < 1:
        raise SettingError(f"sigma is {sigma}; choose 1 pixel or more.")
    side, grid = grid_of(info, image_size)
    reach = reach_of(sigma, info.patch_size) + 1  # the linear layers' maps have aligned corners
    activation = info.activation or "gelu"
    return Recipe("sdp", side, grid, quarters(info), activation=activation, reach=reach)


def retained_local_features(
    local: Sequence[FloatArray], recipe: Recipe, retained: MaskArray
) -> list[SliceFeatures]:
    """The class feature and the retained patches' local ones of each tap, from L x (B, 1+P, E)."""
    flat = np.pad(retained.reshape(len(retained), -1), ((0, 0), (1, 0)), constant_values=True)
    named = dict(zip(ClipAd().parts(recipe), local, strict=True))
    return [{n: tokens[b][flat[b]] for n, tokens in named.items()} for b in range(len(retained))]


def surgery(
    features: Sequence[SliceFeatures], retained: MaskArray, text: FloatArray, recipe: Recipe
) -> Tensor:
    """Sum over taps of p_a (z a) - p_n (z n), -4 … 4, on the grid (B, R, C); -4 if not retained."""
    values = [surgeries(arrays, text[None], recipe)[0] for arrays in features]
    return spread(np.concatenate(values), retained, -TAPS)[:, 0]


def surgeries(features: SliceFeatures, texts: FloatArray, recipe: Recipe) -> FloatArray:
    """(N, P) float32: that sum at the retained patches of one slice, for texts (N, K, E)."""
    classes = unit(texts)
    total = np.zeros((len(texts), len(features[ClipAd().parts(recipe)[0]]) - 1), np.float32)
    for part in ClipAd().parts(recipe):
        cosine = classes @ unit(features[part].astype(np.float32)).T  # (N, K, 1 + P), class first
        share = softmax(cosine[..., 0], axis=1)
        total += share[:, 1:] * cosine[:, 1, 1:] - share[:, :1] * cosine[:, 0, 1:]
    return total


def rooted(mean: Tensor) -> Tensor:
    """The mean over taps -1 … 1 as 0 … 1, fine near its middle."""
    return ((1 + mean.sign() * mean.abs().sqrt()) / 2).clamp(0, 1)


def smoothed(maps: Tensor, recipe: Recipe, sigma: int) -> Tensor:
    """(B, S, S): maps (B, R, C) or (B, S, S) enlarged bilinear, then a Gaussian in pixels."""
    enlarge = smoothly(maps.shape[1], recipe.image_size, sigma)
    return enlarge @ maps @ enlarge.T


def scores_of(features: Sequence[SliceFeatures], text: FloatArray, recipe: Recipe) -> FloatArray:
    """softmax(100 cos) of the last tap's class feature, (B,) float32."""
    first = np.stack([arrays[f"vv{recipe.taps[-1]}"][0] for arrays in features]).astype(np.float32)
    classes = unit(text)
    return np.asarray(expit(100 * unit(first) @ (classes[1] - classes[0])), np.float32)
