"""WinCLIP: windows of patches through CLIP, compared with text and with normal slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import functional, torch
from zsad_core.methods.aligned import Aligned, joined, on_device, probabilities, unit
from zsad_core.methods.base import Method
from zsad_core.methods.grids import SliceTensors, at_retained, enlarged, grid_of, spread
from zsad_core.methods.memory import distance
from zsad_core.methods.winclip.setups import SETUPS
from zsad_core.types import ByteArray, FloatArray, Learned, MaskArray, Recipe, SliceFeatures

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower

SCALES = (2, 3)


@dataclass(frozen=True)
class WinClip(Method):
    """WinCLIP and WinCLIP+, Jeong et al. 2023, arXiv 2303.14814; no official code was released.

    The formulas are those of anomalib 2.7.0. Every window of 2 x 2 and 3 x 3 patches is a short
    sequence with the class token; M = 3 / (1/s + 1/H2 + 1/H3), s the whole image's probability, Hk
    the harmonic mean over the windows of scale k that hold the patch. Range 0 … 1, not smoothed.
    The temperature 0.07 is INFERRED: the paper's text does not give it.

    With normal slices (WinCLIP+), A = (1 - the largest cosine to any of theirs) / 2 of each patch
    after `ln_post` (zqhang/Accurate-WinCLIP-pytorch eef4f8c takes it before) and of each window;
    F = (A + H2 of A + H3 of A) / 3, the map is (M + F) / 2, the score (s + max F) / 2. Difference:
    that maximum is over retained patches, since others are not stored.
    """

    image_size: int = 0

    name = "winclip"
    title = "WinCLIP"
    source = "Jeong et al. 2023, arXiv 2303.14814"
    prompts = "winclip"
    takes_references = True
    setups = SETUPS

    def recipe(self, info: TowerInfo) -> Recipe:
        """Windows of 2 and 3 patches at the backbone's own size."""
        side, grid = grid_of(info, self.image_size)
        activation = info.activation or "gelu"
        return Recipe("windows", side, grid, windows=SCALES, activation=activation, reach=1)

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """An (M, E) array of windows for each scale, patches (P, width), class feature (E,)."""
        return (*(f"windows{scale}" for scale in recipe.windows), "patches", "class")

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceTensors]:
        """Class features of the windows that touch retained patches, those patches, the slice's."""
        chosen = [[_patches(of_slice, scale) for scale in recipe.windows] for of_slice in retained]
        windows, patches, first = tower.windows(images, recipe, chosen)
        scales = [f"windows{scale}" for scale in recipe.windows]
        others = at_retained({"patches": patches, "class": first}, retained)
        return [
            {name: window.float() for name, window in zip(scales, of_slice, strict=True)} | parts
            for of_slice, parts in zip(windows, others, strict=True)
        ]

    def pool(self, embeddings: FloatArray) -> FloatArray:
        """The plain mean, not normalised."""
        return np.asarray(embeddings.mean(axis=0))

    def align(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
        device: str,
    ) -> Aligned:
        """Windows and class features, of length one; with normal slices, `few` (B, R, C).

        That is F, 0 where not retained.
        """
        where = on_device(retained, device)
        names = [f"windows{scale}" for scale in recipe.windows]
        parts = {part: unit(joined(features, part, device)) for part in (*names, "class")}
        if references:
            memory = {part: joined(references, part, device) for part in (*names, "patches")}
            of_patches = distance(joined(features, "patches", device), memory["patches"]) / 2
            total = spread(of_patches, where, 0)
            for name, scale in zip(names, recipe.windows, strict=True):
                away = distance(parts[name], memory[name]) / 2
                total += spread(_harmonic(away[None], where, scale)[0], where, 0)
            parts["few"] = total / (1 + len(recipe.windows))
        return Aligned(parts, where, None, recipe)

    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """Harmonic means over windows and scales, and of normal slices' means over the scales.

        0 at patches that are not retained.
        """
        grids = spread(self.patch_values(aligned, text[None])[0], aligned.retained, 0)
        scores = probabilities(aligned.parts["class"], aligned.text(text[None]))[0]
        if "few" in aligned.parts:
            few = aligned.parts["few"]
            grids, scores = (grids + few) / 2, (scores + few.amax(dim=(1, 2))) / 2
        return enlarged(grids, aligned.recipe.image_size, align_corners=False), scores

    def patch_values(self, aligned: Aligned, texts: FloatArray) -> Tensor:
        """(N, sum of P): harmonic means at the retained patches, not enlarged."""
        of_text, scales = aligned.text(texts), aligned.recipe.windows
        whole = 1 / probabilities(aligned.parts["class"], of_text)  # (N, B)
        inverse = whole.repeat_interleave(aligned.retained.sum(dim=(1, 2)), dim=1)
        for scale in scales:
            of_windows = probabilities(aligned.parts[f"windows{scale}"], of_text)
            inverse += 1 / _harmonic(of_windows, aligned.retained, scale)
        return (1 + len(scales)) / inverse


def _patches(retained: MaskArray, scale: int) -> NDArray[np.int64]:
    """Patches of each window with a retained one, (M, k*k) indices into the grid, row by row."""
    views = np.lib.stride_tricks.sliding_window_view(retained, (scale, scale))
    rows, columns = np.nonzero(views.any(axis=(2, 3)))
    steps = np.arange(scale)
    rows = rows[:, None, None] + steps[:, None]
    return (rows * retained.shape[1] + columns[:, None, None] + steps).reshape(-1, scale * scale)


def _harmonic(values: Tensor, retained: Tensor, scale: int) -> Tensor:
    """(N, sum of P): harmonic mean of the values (N, M) of the windows that hold each patch."""
    touching = functional.max_pool2d(retained.float(), scale, stride=1) > 0  # (B, R-k+1, C-k+1)
    inverse = spread(1 / values, touching, 0)
    total = torch.zeros(len(values), *retained.shape, device=values.device)
    count = torch.zeros(retained.shape, device=values.device)
    height, width = touching.shape[1:]
    for row in range(scale):
        for column in range(scale):
            window = (..., slice(row, row + height), slice(column, column + width))
            total[window] += inverse
            count[window] += touching
    return (count / total)[:, retained]
