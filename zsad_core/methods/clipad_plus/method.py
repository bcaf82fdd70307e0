"""CLIP-AD's SDP+: SDP, and learned linear layers on the original stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zsad_core.backbones import TowerInfo
from zsad_core.methods.aligned import Aligned
from zsad_core.methods.aprilgan.method import layer_shapes, through_layers
from zsad_core.methods.checkpoints import select
from zsad_core.methods.clipad.method import ClipAd, scores_of, surgery
from zsad_core.methods.clipad_plus.setups import PUBLISHED, SETUPS
from zsad_core.methods.grids import (
    TAPS,
    SliceTensors,
    apart_by_100,
    at_retained,
    smoothed,
    spread,
    summed_maps,
    summed_values,
    tap_parts,
)
from zsad_core.types import ByteArray, FloatArray, Learned, MaskArray, Recipe, SliceFeatures

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower
    from zsad_core.methods.encoder import Encoder
    from zsad_core.methods.learner import Learner


@dataclass(frozen=True)
class ClipAdPlus(ClipAd):
    """CLIP-AD's SDP+: SDP and APRIL-GAN's linear layers on the original stream, summed.

    Not proven by a golden: no output of the official code was at hand to compare with.

    As `ClipAd`; to the sum over taps of s is added the sum over taps of softmax(100 cos) through
    `fc.i`, and the Gaussian (`sigma` 8, on VisA 2) smooths both. The official taps but the last
    hold the next block's attention too, added in place, and so do these. Differences: 4 is added,
    so that the map lies in 0 … 12; the others of `ClipAd` but its root.
    """

    name = "clipad-plus"
    title = "CLIP-AD SDP+"
    high = 3.0 * TAPS
    learned = True
    official = "linear_layers."
    setups = SETUPS
    published = PUBLISHED

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """For each tap (P, width) of the original stream; the class feature; what SDP reads."""
        return (*tap_parts(recipe), *super().parts(recipe))

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceTensors]:
        """Both streams of the retained patches, and class features, not normalised."""
        original, local = tower.two_stream_taps(images, recipe)
        both = (*original, local[-1][:, 0], *local)
        return at_retained(dict(zip(self.parts(recipe), both, strict=True)), retained)

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """`fc.i.weight` (E, width) and `fc.i.bias` (E,) of each tap i."""
        return select(tensors, layer_shapes(info))

    def align(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
        device: str,
    ) -> Aligned:
        """Those of `ClipAd`, and tokens of each tap through its linear layer."""
        sdp = super().align(features, retained, learned, recipe, references, device)
        layers = through_layers(features, self.given(learned), recipe, device)
        return replace(sdp, parts={**sdp.parts, **layers})

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """Both sums, smoothed, plus 4; score from the last class feature."""
        side, apart = aligned.recipe.image_size, apart_by_100(aligned.text(text[None]))[0]
        grids = spread(surgery(aligned, text[None])[0], aligned.retained, -TAPS)
        total = smoothed(grids, side, self.sigma) + TAPS
        maps = summed_maps(aligned.taps, apart, aligned.retained, side)
        total += smoothed(maps, side, self.sigma)
        return total.clamp_(0, self.high), scores_of(aligned, text)

    def patch_values(self, aligned: Aligned, texts: FloatArray) -> Tensor:
        """(N, sum of P): both sums at the retained patches, not smoothed, plus 4."""
        through = summed_values(aligned.taps, apart_by_100(aligned.text(texts)))
        return surgery(aligned, texts) + through + TAPS

    def learner(self, encoder: Encoder) -> Learner:
        """Linear layers on the stored tokens of each tap of the original stream."""
        from zsad_core.methods.clipad_plus.training import StagedLayers

        return StagedLayers(encoder)
