"""AA-CLIP: residual adapters in the first quarter of both towers, and learned projections."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import SettingError
from zsad_core.methods.aaclip.adapters import image_features, shapes, text_features
from zsad_core.methods.aligned import Aligned
from zsad_core.methods.base import Method
from zsad_core.methods.checkpoints import select
from zsad_core.methods.grids import (
    TAPS,
    SliceTensors,
    enlarged,
    grid_of,
    quarters,
    retained_features,
    spread,
)
from zsad_core.methods.setup import FINER, trained
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

BLURS = {"medical": (4, 1.5), "industrial": (3, 1.0), "none": (0, 1.0)}  # radius, sigma in patches
NORMAL = -60.0  # logit of a patch that is not retained: certainly normal
SOFT = 10.0  # logits that the map takes as one
NO_BLUR = (*FINER, ("domain", "none"))  # lesions of the demo are small


@dataclass(frozen=True)
class AaClip(Method):
    """AA-CLIP, Ma et al. 2025, arXiv 2503.06661; github.com/Mwxinnn/AA-CLIP 53db195.

    Not proven by a golden: no output of the official code was at hand to compare with.

    After each block of the first quarter x becomes 0.9 x + 0.1 a, where a = LeakyReLU(W x) is given
    the length of x, in the image tower and, with other W, in the text tower, whose projection is
    replaced by LeakyReLU(W x). Patches after blocks n/4, n/2, 3n/4, n go through `ln_post` and
    `seg_proj.k`; their logits are 100 cos. Taps' logits (a + 1 - n) / 2 are blurred on the grid as
    `domain` says, enlarged (corners aligned) and summed. The image score is the map's maximum
    ("medical"), or the mean of that and (d a + 1) / 2, d the mean over patches of the normalised
    `det_proj` of the last tap ("industrial").
    Differences: the official map and scores are min-max scaled over each class's test set; here the
    map is sigmoid(M / 10) of the mean M over taps of a - n, which ranks alike within 0 … 1, keeps
    differences up to 50 either way apart and needs no other image, and the score's parts are not
    scaled. The maximum is that of the patches near the brain. `domain` "none", no blur with the
    medical score, is ours. The official input is 518 px for a ViT-L-14-336, here `image_size`, by
    default the backbone's own.
    """

    image_size: int = 0
    domain: str = "medical"

    name = "aaclip"
    title = "AA-CLIP"
    source = "Ma et al. 2025, arXiv 2503.06661; not proven by a golden"
    learned = True
    prompts = "aaclip"
    prompt_note = (
        "Learned and fixed: adapters inside the text tower, through which every sentence goes. "
        "Yours to change: every word of the texts and the class word."
    )
    in_tower = True
    setups = trained("aaclip", "adapters in both towers", NO_BLUR)

    def recipe(self, info: TowerInfo) -> Recipe:
        """Four taps, a quarter of the blocks apart (6, 12, 18, 24 of 24)."""
        if self.domain not in BLURS:
            raise SettingError(f"domain is '{self.domain}'; choose {', '.join(BLURS)}.")
        side, grid = grid_of(info, self.image_size)
        reach, activation = min(BLURS[self.domain][0] + 2, grid - 1), info.activation or "gelu"
        return Recipe("aaclip", side, grid, quarters(info), activation=activation, reach=reach)

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceTensors]:
        """Projected patches of the adapted tower, unit vectors, and the detection feature."""
        with torch.no_grad():
            patches, whole = image_features(tower, images, recipe, self.tensors(tower, learned))
        return retained_features(patches, whole, recipe, retained)

    def texts(
        self,
        prompts: PromptSet,
        encoder: TextEncoder,
        learned: Learned,
        features: Sequence[SliceFeatures],
    ) -> FloatArray:
        """Through the adapted text tower: normalise each sentence, mean over a side, normalise."""

        @torch.no_grad()
        def work(tower: Tower, activation: str, texts: Sequence[str]) -> FloatArray:
            tensors = self.tensors(tower, learned)
            return np.asarray(text_features(tower, texts, tensors, activation).cpu().numpy())

        sides = prompt_sets.sentences(prompts)
        return np.stack([unit_mean(encoder.each(side, work)) for side in sides])

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """Adapters and projections, all without bias, as `shapes` names them.

        Where the backbone is not known, as many adapters as the checkpoint has.
        """
        if info is not None:
            return select(tensors, shapes(info))
        adapters = [n for n in tensors if n.startswith(("text_adapter.", "image_adapter."))]
        least = ("text_adapter.0.fc.0.weight", "image_adapter.layer_adapters.0.fc.0.weight")
        ends = [f"image_adapter.seg_proj.{k}.fc.weight" for k in range(TAPS)]
        names = {*adapters, *least, *ends, "image_adapter.det_proj.fc.weight"}
        return select(tensors, dict.fromkeys(sorted(names), (None, None)))

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """Soft sigmoid of the taps' mean logit, blurred and enlarged; scores as `domain` says."""
        recipe = aligned.recipe
        blur = _blurring(recipe.grid, self.domain).to(aligned.retained.device)
        grids = spread(_logits(aligned, text[None])[0], aligned.retained, NORMAL)
        whole = enlarged(blur @ (grids @ blur.T), recipe.image_size, align_corners=True)
        maps = whole.div_(SOFT).sigmoid_()
        scores = maps.amax(dim=(1, 2))
        if self.domain == "industrial":
            scores = (scores + (aligned.parts["class"] @ aligned.text(text)[1] + 1) / 2) / 2
        return maps, scores

    def patch_values(self, aligned: Aligned, texts: FloatArray) -> Tensor:
        """(N, sum of P): values of the retained patches, not blurred."""
        return torch.sigmoid(_logits(aligned, texts) / SOFT)

    def learner(self, encoder: Encoder) -> Learner:
        """Text adapters on the frozen image tower, then image adapters through it."""
        from zsad_core.methods.aaclip.training import BothAdapters

        return BothAdapters(encoder)


def _logits(aligned: Aligned, texts: FloatArray) -> Tensor:
    """(N, sum of P): the mean over taps of the retained patches' logits, for (N, K, E)."""
    of_text = aligned.text(texts)
    apart = 100 / TAPS * (of_text[:, 1] - of_text[:, 0])  # (N, E)
    return torch.stack([apart @ tap.T for tap in aligned.taps]).sum(dim=0)


@functools.lru_cache(8)
def _blurring(grid: int, domain: str) -> Tensor:
    """(R, R): what the Gaussian, cut at its radius, does to one axis; borders are mirrored."""
    radius, sigma = BLURS[domain]
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    smooth = ndimage.correlate1d(np.eye(grid), kernel / kernel.sum(), axis=0, mode="mirror")
    return torch.from_numpy(smooth).float()
