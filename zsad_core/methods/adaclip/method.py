"""AdaCLIP: prompts in both towers, part of which depend on the image, and learned projections."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import SettingError
from zsad_core.methods.adaclip.hybrid_prompts import (
    depth,
    image_side,
    plain_features,
    shapes,
    text_side,
)
from zsad_core.methods.adaclip.semantic import SEED, fused
from zsad_core.methods.adaclip.setups import PUBLISHED, SETUPS
from zsad_core.methods.aligned import Aligned, unit
from zsad_core.methods.base import Method
from zsad_core.methods.checkpoints import select
from zsad_core.methods.grids import (
    FAR,
    SLACK,
    SliceTensors,
    enlarged,
    grid_of,
    quarters,
    retained_features,
    smoothed,
    spread,
    tap_parts,
)
from zsad_core.methods.texts import TextEncoder
from zsad_core.prompts import sets as prompt_sets
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
    from torch import Tensor

    from zsad_core.backbones.tower import Tower
    from zsad_core.methods.encoder import Encoder
    from zsad_core.methods.learner import Learner

SIGMA = 4  # pixels of the tower's input


@dataclass(frozen=True)
class AdaClip(Method):
    """AdaCLIP, Cao et al. 2024, arXiv 2407.15795; github.com/caoyunkang/AdaCLIP e27ee32.

    A plain pass gives the class feature f. Static prompts plus what linear heads make of f go
    behind the patches ahead of the first blocks of the image tower, and over the first words ahead
    of the first text blocks. The projected patches of four taps are compared with the text; the map
    is the smoothed softmax of their mean logits, 0 … 1. With `hsf` the slice score blends into the
    class feature what k-means makes of the most abnormal patches.
    Differences: k-means starts from the seed 111 for every slice, so that a slice's score does not
    depend on what was scored before (with `draws_on` it draws on from one to the next, as
    published); a grid with fewer patches than clusters has as many clusters as patches;
    `image_size` is by default the backbone's own (518 px there).
    """

    image_size: int = 0
    hsf: bool = True
    draws_on: bool = False

    name = "adaclip"
    title = "AdaCLIP"
    source = "Cao et al. 2024, arXiv 2407.15795"
    learned = True
    probability = True
    official = "clip_model."
    prompts = "adaclip"
    prompt_note = (
        "Learned and fixed: vectors that take the place of each sentence's first five words from "
        "the second text block on, in part made from the slice itself. Yours to change: the class "
        "word, the states and the templates; the first five words of a sentence act through the "
        "first text block alone."
    )
    in_tower = True
    text_by_slice = True
    last_bits = True
    setups = SETUPS
    published = PUBLISHED

    def recipe(self, info: TowerInfo) -> Recipe:
        """Four taps of the prompted pass; the score with `hsf` chooses among all patches."""
        if info.text_width != info.embed_dim:
            raise SettingError(
                f"AdaCLIP puts vectors of the embedding's width among words, and '{info.name}' has "
                f"an embedding of {info.embed_dim} and words of {info.text_width}; choose a "
                "backbone where they agree, such as ViT-L-14-336."
            )
        side, grid = grid_of(info, self.image_size)
        near = math.ceil((4 * SIGMA + SLACK) / info.patch_size) + 1
        return Recipe(
            "adaclip",
            side,
            grid,
            taps=quarters(info),
            activation=info.activation or "gelu",
            positions="bicubic",
            reach=grid if self.hsf else min(near, grid),
        )

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """A (P, E) array for each tap, the class feature (E,), and that of the plain pass (E,)."""
        return (*tap_parts(recipe), "plain")

    def by_volume(self, references: int) -> bool:
        """Every slice by itself, unless k-means draws on from one to the next."""
        return self.hsf and self.draws_on

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceTensors]:
        """Projected patches and class feature, unit vectors; the plain class feature as it is.

        The plain pass takes one slice at a time: its last bits decide how the prompts are rounded,
        and must not depend on the slices beside.
        """
        tensors = self.tensors(tower, learned)
        plain = plain_features(tower, images, recipe)
        with torch.no_grad():
            taps, whole = image_side(tower, images, recipe, tensors, plain)
            units = [unit(tokens.float()) for tokens in (*taps, whole)]
        features = retained_features(units[:-1], units[-1], recipe, retained)
        return [tensors | {"plain": row} for tensors, row in zip(features, plain, strict=True)]

    def texts(
        self,
        prompts: PromptSet,
        encoder: TextEncoder,
        learned: Learned,
        features: Sequence[SliceFeatures],
    ) -> FloatArray:
        """(B, K, E): the sentences with each slice's prompts; '-' of the class word a space."""
        sides = spaced_sentences(prompts)

        @torch.no_grad()
        def work(tower: Tower, activation: str) -> FloatArray:
            if not features:
                return np.zeros((0, len(sides), tower.info.embed_dim), np.float32)
            tensors = self.tensors(tower, learned)
            plain = np.stack([arrays["plain"] for arrays in features]).astype(np.float32)
            first = torch.from_numpy(plain).to(tower.device)
            return text_side(tower, sides, tensors, activation, first).cpu().numpy()

        return encoder.on_tower(work)

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """Static prompts, heads of dynamic prompts and projections under their published names.

        As many blocks have prompts, and prompts have as many vectors, as the file says (4 and 5).
        """
        embed, width = (info.embed_dim, info.width) if info else (None, None)
        first = "visual_prompter.static_prompts.0"
        length = select(tensors, {first: (None, width)})[first].shape[0]
        return select(tensors, shapes(embed, width, depth(tensors), length))

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """Softmax of the enlarged mean logits, smoothed; score of the (blended) class feature.

        k-means and the logits that choose its patches are NumPy's, whose last bits it hangs on.
        """
        logits, scores = list[FloatArray](), list[float]()
        random = np.random.RandomState(SEED) if self.draws_on else SEED
        first, recipe = aligned.parts["class"].cpu().numpy(), aligned.recipe
        per_slice = aligned.retained.sum(dim=(1, 2)).tolist()
        slices = zip(*(torch.split(tap, per_slice) for tap in aligned.taps), strict=True)
        for whole, of_slice, (normal, abnormal) in zip(first, slices, text, strict=True):
            apart = 100 * (abnormal - normal)  # (E,); a softmax of two
            taps = torch.stack(of_slice).cpu().numpy()  # (L, P, E)
            logits.append((taps @ apart).mean(axis=0))  # (P,)
            score = fused(whole, taps, logits[-1], random) if self.hsf else whole
            scores.append(expit(score @ apart))
        values = aligned.text(np.concatenate(logits))
        grids = spread(values, aligned.retained, FAR)
        maps = enlarged(grids, recipe.image_size, align_corners=True).sigmoid_()
        smooth = smoothed(maps, recipe.image_size, SIGMA).clamp_(0, 1)
        return smooth, aligned.text(np.array(scores))

    def learner(self, encoder: Encoder) -> Learner:
        """Prompts in both towers and projections, every step through both."""
        from zsad_core.methods.adaclip.training import PromptsAndProjections

        return PromptsAndProjections(encoder)


def spaced_sentences(prompts: PromptSet) -> tuple[tuple[str, ...], ...]:
    """The sentences of each side; a '-' of the class name is read as a space.

    >>> spaced_sentences(PromptSet("x", ("{}",), ("bad {}",), class_name="brain-mri_scan"))
    (('brain mri_scan',), ('bad brain mri_scan',))
    """
    spaced = replace(prompts, class_name=prompts.class_name.replace("-", " "))
    return prompt_sets.sentences(spaced)
