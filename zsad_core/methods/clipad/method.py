"""CLIP-AD's SDP: a V-V stream begun anew at each quarter of the blocks, without any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import SettingError
from zsad_core.methods.aligned import Aligned, differences, joined, on_device, unit
from zsad_core.methods.base import Method
from zsad_core.methods.grids import (
    TAPS,
    SliceTensors,
    at_retained,
    grid_of,
    quarters,
    reach_of,
    smoothed,
    spread,
)
from zsad_core.methods.setup import LAION, Setup, untrained, untrained_on_the_demo
from zsad_core.types import ByteArray, FloatArray, Learned, MaskArray, Recipe, SliceFeatures

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower


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
    setups: ClassVar[tuple[Setup, ...]] = (
        *untrained_on_the_demo("clipad"),
        untrained("clipad", "laion400m-b16-240", LAION, "The CLIP of CLIP-AD, at its own 240 px"),
    )

    def recipe(self, info: TowerInfo) -> Recipe:
        """Both streams at four taps, a quarter of the blocks apart."""
        if self.sigma < 1:
            raise SettingError(f"sigma is {self.sigma}; choose 1 pixel or more.")
        side, grid = grid_of(info, self.image_size)
        reach = reach_of(self.sigma, info.patch_size) + 1  # SDP+'s layers have aligned corners
        activation = info.activation or "gelu"
        return Recipe("sdp", side, grid, quarters(info), activation=activation, reach=reach)

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """A (1 + P, E) array for each tap: the class feature, then the V-V stream's patches."""
        return tuple(f"vv{block}" for block in recipe.taps)

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceTensors]:
        """Class features and local features of the retained patches, not normalised."""
        _, local = tower.two_stream_taps(images, recipe)
        return at_retained(dict(zip(self.parts(recipe), local, strict=True)), retained)

    def align(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
        device: str,
    ) -> Aligned:
        """Of each tap class features `first` (B, E), patches `vv` (sum of P, E), of length one."""
        parts = {}
        for block in recipe.taps:
            for name, rows in (("first", slice(0, 1)), ("vv", slice(1, None))):
                parts[f"{name}{block}"] = unit(joined(features, f"vv{block}", device, rows))
        return Aligned(parts, on_device(retained, device), None, recipe)

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """The mean over taps, smoothed, with its root taken; score from the last class feature."""
        grids = spread(surgery(aligned, text[None])[0], aligned.retained, -TAPS)
        maps = rooted(smoothed(grids, aligned.recipe.image_size, self.sigma) / TAPS)
        return maps, scores_of(aligned, text)

    def patch_values(self, aligned: Aligned, texts: FloatArray) -> Tensor:
        """(N, sum of P): values of the retained patches, not smoothed."""
        return rooted(surgery(aligned, texts) / TAPS)


def surgery(aligned: Aligned, texts: FloatArray) -> Tensor:
    """(N, sum of P): sum over taps of p_a (z a) - p_n (z n), -4 … 4, for texts (N, K, E)."""
    classes, per_slice = unit(aligned.text(texts)), aligned.retained.sum(dim=(1, 2))
    total = torch.zeros((), device=classes.device)
    for block in aligned.recipe.taps:
        share = (classes @ aligned.parts[f"first{block}"].T).softmax(dim=1)  # (N, K, B)
        cosine = classes @ aligned.parts[f"vv{block}"].T  # (N, K, sum of P)
        weighted = cosine.mul_(share.repeat_interleave(per_slice, dim=2))
        total = total + weighted[:, 1] - weighted[:, 0]
    return total


def rooted(mean: Tensor) -> Tensor:
    """The mean over taps -1 … 1 as 0 … 1, fine near its middle."""
    return ((1 + mean.sign() * mean.abs().sqrt()) / 2).clamp(0, 1)


def scores_of(aligned: Aligned, text: FloatArray) -> Tensor:
    """softmax(100 cos) of the last tap's class feature, (B,)."""
    first = aligned.parts[f"first{aligned.recipe.taps[-1]}"]
    return torch.sigmoid(100 * first @ differences(aligned.text(text[None]))[0])
