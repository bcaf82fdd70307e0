"""MVFA: adapters inside the image tower, and a memory of normal slices where some are given."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import SettingError
from zsad_core.methods.aligned import Aligned, joined, on_device, unit
from zsad_core.methods.base import Method
from zsad_core.methods.checkpoints import select
from zsad_core.methods.grids import (
    TAPS,
    SliceTensors,
    apart_by_100,
    at_retained,
    enlarged,
    quarters,
    spread,
    summed_maps,
    summed_values,
)
from zsad_core.methods.memory import distance, views
from zsad_core.methods.mvfa.adapters import HEADS, bottlenecks, shapes, streams
from zsad_core.methods.setup import trained
from zsad_core.types import ByteArray, FloatArray, Learned, MaskArray, Recipe, SliceFeatures

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower
    from zsad_core.methods.encoder import Encoder
    from zsad_core.methods.learner import Learner

STILL = (("augment", "no"),)  # a memory without turned views: an eleventh of the comparisons


@dataclass(frozen=True)
class Mvfa(Method):
    """MVFA, Huang et al. 2024, arXiv 2403.12570; github.com/MediaBrain-SJTU/MVFA-AD a30bf7b.

    After blocks n/4, n/2, 3n/4, n every token x passes two adapters, h = fc1 x and o = fc2 h, each
    with LeakyReLU; 0.8 x + 0.1 o_seg + 0.1 o_det goes on, the bottlenecks h are compared with the
    text. The zero-shot map is the sum over taps of softmax(100 cos) of h_seg, 0 … 4, the score the
    same of h_det, its mean over all patches. With normal slices, their h (class token too) are a
    memory, and 1 - the largest cosine to it, summed over taps, is a second map; half of each, after
    min-max over the slices, adds up. The score is then the maximum (`score` "map", as published for
    Brain, Liver, RESC), or such a sum from h_det ("det", as for the others).

    Differences: none in float32 zero-shot; `image_size` is by default the backbone's own (240 px of
    a ViT-L-14-336 there). Few-shot, the sum is spread over 0 … 4, one range for both; min-max is
    over the volume (a whole test set there) and the pixels that retained patches decide; the
    memory's views of a slice (`augment`) are rounded to 8 bits.
    """

    image_size: int = 0
    score: str = "map"
    augment: bool = True

    name = "mvfa"
    title = "MVFA"
    source = "Huang et al. 2024, arXiv 2403.12570"
    high = float(TAPS)
    learned = True
    prompts = "mvfa"
    in_tower = True
    takes_references = True
    setups = trained("mvfa", "adapters inside the tower", STILL)

    def recipe(self, info: TowerInfo) -> Recipe:
        """Four taps, a quarter of the blocks apart; pixels past the last whole patch are unseen."""
        if self.score not in ("map", "det"):
            raise SettingError(f"score is '{self.score}'; choose map or det.")
        side = self.image_size or info.image_size
        grid = side // info.patch_size
        if grid < 1:
            raise SettingError(
                f"Image size {side} holds no patch of '{info.name}'; choose {info.image_size}."
            )
        activation = info.activation or "gelu"
        return Recipe("mvfa", side, grid, quarters(info), activation=activation, scaling="plain")

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """(1+P, E) of each head and tap, the class token first; P is every patch for det."""
        return tuple(f"{head}{block}" for head in HEADS for block in recipe.taps)

    def by_volume(self, references: int) -> bool:
        """With normal slices, for minima and maxima."""
        return references > 0

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceTensors]:
        """Bottlenecks of the retained patches (seg) and of all (det), not normalised."""
        weights, parts = self.tensors(tower, learned), self.parts(recipe)
        with torch.inference_mode():
            read = streams(tower, images, recipe, weights)
            taps = [tap for head in HEADS for tap in bottlenecks(read, head, weights)]
        seg = at_retained(dict(zip(parts[:TAPS], taps[:TAPS], strict=True)), retained)
        det = dict(zip(parts[TAPS:], taps[TAPS:], strict=True))
        return [of_seg | {part: det[part][b] for part in det} for b, of_seg in enumerate(seg)]

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """`seg_adapters.i.fc1.0.weight` (E, width), `….fc2.0.weight` (width, E); of det the same.

        The last fc2, which official files hold, influences nothing and is left out.
        """
        embed, width = (info.embed_dim, info.width) if info else (None, None)
        return select(tensors, shapes(embed, width))

    def align(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
        device: str,
    ) -> Aligned:
        """Patches of both heads at each tap, of length one; with normal slices, distances to them.

        `few` (B, S, S) and `few-score` (B,) are the second map and score after min-max, `inside`
        are the pixels that retained patches decide.
        """
        where = on_device(retained, device)
        parts = {
            part: unit(joined(features, part, device, slice(1, None)))
            for part in self.parts(recipe)
        }
        if references:
            certain = enlarged(where.float(), recipe.image_size, align_corners=True)
            inside = parts["inside"] = certain > 1 - 1e-5
            memory = {part: joined(references, part, device) for part in self.parts(recipe)}
            few = _away(Aligned(parts, where, None, recipe), memory, "seg")
            parts["few"] = min_max(few, inside)
            det = _away(Aligned(parts, torch.ones_like(where), None, recipe), memory, "det")
            parts["few-score"] = min_max(det.mean(dim=(1, 2)))
        return Aligned(parts, where, None, recipe)

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """Zero-shot maps; with normal slices, 4 x the mean of both maps after min-max."""
        maps, scores = _zero_shot(aligned, text)
        if "few" not in aligned.parts:
            return maps, scores
        inside = aligned.parts["inside"]
        both = (min_max(maps, inside) + aligned.parts["few"]) / 2
        if self.score == "map":
            return self.high * both, (both * inside).amax(dim=(1, 2))
        return self.high * both, (min_max(scores) + aligned.parts["few-score"]) / 2

    def patch_values(self, aligned: Aligned, texts: FloatArray) -> Tensor:
        """(N, sum of P): retained patches' seg probabilities, summed over taps."""
        return summed_values(_seg(aligned), apart_by_100(aligned.text(texts)))

    def learner(self, encoder: Encoder) -> Learner:
        """Adapters inside the image tower, every step through it."""
        from zsad_core.methods.mvfa.training import Adapters

        return Adapters(encoder)

    def reference_views(self, image: ByteArray, side: int) -> ByteArray:
        """The slice itself first; with `augment` turned ones too."""
        return views(image, side, self.augment)


def min_max(values: Tensor, inside: Tensor | None = None) -> Tensor:
    """Values as 0 … 1 between the smallest and the largest (of those inside), clipped; 0 if flat.

    >>> min_max(torch.tensor([1.0, 2.0, 3.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    seen = values if inside is None else values[inside]
    if not seen.numel():
        seen = torch.zeros(1, device=values.device)
    low, high = seen.aminmax()
    return ((values - low) / (high - low).clamp(min=1e-12)).clamp_(0, 1)


def _seg(aligned: Aligned) -> list[Tensor]:
    """Retained patches (sum of P, E) of the seg head at each tap."""
    return [aligned.parts[f"seg{block}"] for block in aligned.recipe.taps]


def _zero_shot(aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
    """Sums over taps: probabilities of the enlarged seg logits, mean probability of det patches."""
    apart = apart_by_100(aligned.text(text[None]))[0]
    maps = summed_maps(_seg(aligned), apart, aligned.retained, aligned.recipe.image_size)
    det = (torch.sigmoid(aligned.parts[f"det{block}"] @ apart) for block in aligned.recipe.taps)
    scores = (values.reshape(len(maps), -1).mean(dim=1) for values in det)
    return maps, functools.reduce(torch.Tensor.add_, scores)


def _away(aligned: Aligned, memory: Mapping[str, Tensor], head: str) -> Tensor:
    """(B, S, S): sum over taps of a head's distances to the memory, enlarged."""
    side = aligned.recipe.image_size
    total = torch.zeros(len(aligned.retained), side, side, device=aligned.retained.device)
    for block in aligned.recipe.taps:
        part = f"{head}{block}"
        grids = spread(distance(aligned.parts[part], memory[part]), aligned.retained, 0)
        total += enlarged(grids, side, align_corners=True)
    return total
