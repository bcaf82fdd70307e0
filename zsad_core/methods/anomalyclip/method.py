"""AnomalyCLIP: learned class-agnostic prompts against local features of the V-V path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import SettingError, WeightsError
from zsad_core.methods.aligned import Aligned, probabilities, unit
from zsad_core.methods.anomalyclip.setups import PUBLISHED, SETUPS
from zsad_core.methods.base import Method
from zsad_core.methods.checkpoints import Shapes, select
from zsad_core.methods.grids import (
    SliceTensors,
    grid_of,
    reach_of,
    retained_features,
    smoothed,
    spread,
)
from zsad_core.methods.texts import TextEncoder, unit_mean
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

SIDES = ("pos", "neg")  # official names of the normal and the abnormal side
DEEP = "compound_prompts_text."
PUBLISHED_TEXTS = {"pos": "object.", "neg": "damaged object."}
CONTEXT = 12  # learned vectors before each text
SIGMA = 4  # pixels of the tower's input


@dataclass(frozen=True)
class AnomalyClip(Method):
    """AnomalyCLIP, Zhou et al. 2024, arXiv 2310.18961; github.com/zqhang/AnomalyCLIP 45ed4dd.

    Local features of the V-V path are compared with two texts, each 12 learned vectors and a few
    words, with learned vectors put in before the text blocks 2 … 3t/4 (rounded to float16, as
    published); the map is the sum over taps of softmax(cos / 0.07), smoothed. `taps` blocks a
    `taps`-th of the depth apart are read: 1, the last, as published, or 4 (6, 12, 18, 24 of 24).
    Differences: none in float32 at the official 518 px; `image_size` is by default the backbone's
    own. Several texts a side, averaged after normalisation, are our extension.
    """

    image_size: int = 0
    taps: int = 1

    name = "anomalyclip"
    title = "AnomalyCLIP"
    source = "Zhou et al. 2024, arXiv 2310.18961"
    learned = True
    probability = True
    official = "prompt_learner."
    prompts = "anomalyclip"
    prompt_note = (
        "Learned and fixed: 12 vectors before each text, other ones for normal and abnormal, and "
        "the vectors put in between the text blocks. Yours to change: every word of the texts and "
        "the class word; they were learned with '{}.' and 'damaged {}.' about an 'object'."
    )
    learned_words = CONTEXT
    setups = SETUPS
    published = PUBLISHED

    @property
    def high(self) -> float:
        """A probability for each tap."""
        return float(self.taps)

    def recipe(self, info: TowerInfo) -> Recipe:
        """Taps on the V-V path; what smoothing and interpolation reach around the brain."""
        if not 1 <= self.taps <= 4:
            raise SettingError(f"taps is {self.taps}; choose 1, the last block, to 4.")
        side, grid = grid_of(info, self.image_size)
        return Recipe(
            "vv",
            side,
            grid,
            taps=tuple(info.visual_blocks * k // self.taps for k in range(1, self.taps + 1)),
            activation=info.activation or "quick_gelu",
            positions="bilinear",
            reach=reach_of(SIGMA, info.patch_size),
        )

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceTensors]:
        """Local features of the retained patches, and the class feature, not normalised."""
        return retained_features(*tower.vv_taps(images, recipe), recipe, retained)

    def texts(
        self,
        prompts: PromptSet,
        encoder: TextEncoder,
        learned: Learned,
        features: Sequence[SliceFeatures],
    ) -> FloatArray:
        """Each text after its learned vectors; normalise, mean over a side, normalise."""
        sides = prompt_sets.sentences(prompts)

        @torch.no_grad()
        def work(tower: Tower, activation: str) -> FloatArray:
            tensors = self.tensors(tower, learned)
            features = text_features(tower, sides, tensors, activation).cpu().numpy()
            normal = len(sides[0])
            return np.stack([unit_mean(features[:normal]), unit_mean(features[normal:])])

        return encoder.on_tower(work)

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """Learned vectors, and the words that official files keep beside them.

        `ctx_pos`, `ctx_neg` (1, 1, 12, text width); `compound_prompts_text.i` (4, text width);
        `token_prefix_*`, `token_suffix_*` (1, 1, 1 or 64, text width), which may be missing.
        """
        width = info.text_width if info else None
        deep = _deep(tensors)
        shapes: Shapes = {f"ctx_{side}": (1, 1, None, width) for side in SIDES}
        parts = select(tensors, {**shapes, **dict.fromkeys(deep, (None, width))})
        blocks = info.text_blocks if info else len(deep) + 1
        if len(deep) >= blocks:
            raise WeightsError(
                f"{len(deep)} sets of deep prompts were found, expected fewer than the "
                f"{blocks} text blocks"
            )
        for side in SIDES:
            if f"token_suffix_{side}" in tensors:
                count = parts[f"ctx_{side}"].shape[2]
                rest = info.context_length - 1 - count if info else None
                words: Shapes = {
                    f"token_prefix_{side}": (1, 1, 1, width),
                    f"token_suffix_{side}": (1, 1, rest, width),
                }
                parts |= select(tensors, words)
        return parts

    def align(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
        device: str,
    ) -> Aligned:
        """Local features of each tap and class features, of length one."""
        aligned = super().align(features, retained, learned, recipe, references, device)
        parts = {part: unit(values) for part, values in aligned.parts.items()}
        return Aligned(parts, aligned.retained, None, recipe)

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """Sum over taps of the patches' probabilities, enlarged, smoothed; 0 if not retained."""
        grids = spread(self.patch_values(aligned, text[None])[0], aligned.retained, 0)
        maps = smoothed(grids, aligned.recipe.image_size, SIGMA).clamp_(0, self.high)
        return maps, probabilities(aligned.parts["class"], aligned.text(text[None]))[0]

    def patch_values(self, aligned: Aligned, texts: FloatArray) -> Tensor:
        """(N, sum of P): sum over taps of retained patches' probabilities, not smoothed."""
        of_text = aligned.text(texts)
        return torch.stack([probabilities(tap, of_text) for tap in aligned.taps]).sum(dim=0)

    def learner(self, encoder: Encoder) -> Learner:
        """Prompt vectors, through the text tower alone."""
        from zsad_core.methods.anomalyclip.training import PromptVectors

        return PromptVectors(encoder)


def text_features(
    tower: Tower, sides: Sequence[Sequence[str]], learned: Mapping[str, Tensor], activation: str
) -> Tensor:
    """(N, E) of all normal sentences, then all abnormal ones, not normalised.

    A sentence that is the published one takes its words from the checkpoint, where that has them.
    Gradients flow to the learned tensors.
    """
    parts = [_words(tower, *of_side, learned) for of_side in zip(SIDES, sides, strict=True)]
    tokens, words = (torch.cat(part) for part in zip(*parts, strict=True))
    deep = [learned[name] for name in _deep(learned)]

    def before(number: int, x: Tensor) -> Tensor:
        if not 2 <= number < 2 + len(deep):
            return x
        vectors = deep[number - 2].half().float()
        put = vectors.expand(len(x), -1, -1)
        return torch.cat([x[:, :1], put, x[:, 1 + len(vectors) :]], dim=1)

    return tower.read_words(tokens, words, activation, before)


def _deep(names: Iterable[str]) -> list[str]:
    """Names of as many sets of deep prompts as there are, at least one, in their order."""
    count = sum(name.startswith(DEEP) for name in names)
    return [f"{DEEP}{i}" for i in range(max(count, 1))]


def _words(
    tower: Tower, side: str, texts: Sequence[str], learned: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Token ids (N, T) and words (N, T, width): start, learned vectors, text."""
    context = learned[f"ctx_{side}"][0, 0]
    count = len(context)
    tokens, own = tower.words(["X " * count + text for text in texts])
    rows = []
    for text, row in zip(texts, own, strict=True):
        start, rest = row[:1], row[1 + count :]
        if text == PUBLISHED_TEXTS[side] and f"token_suffix_{side}" in learned:
            start, rest = (learned[f"token_{part}_{side}"][0, 0] for part in ("prefix", "suffix"))
        rows.append(torch.cat([start, context, rest]))
    return tokens, torch.stack(rows)
