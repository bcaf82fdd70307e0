"""WinCLIP: windows of patches through CLIP, compared with text and with normal slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.methods.base import Method
from zsad_core.methods.grids import enlarged, grid_of
from zsad_core.methods.memory import distance
from zsad_core.methods.texts import TextEncoder, pooled, probabilities, probability
from zsad_core.methods.winclip.setups import SETUPS
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
    from zsad_core.backbones import Tower

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
    ) -> list[SliceFeatures]:
        """Class features of the windows that touch retained patches, those patches, the slice's."""
        chosen = [[_patches(of_slice, scale) for scale in recipe.windows] for of_slice in retained]
        windows, patches, first = tower.windows(images, recipe, chosen)
        return [
            {f"windows{scale}": windows[b][i] for i, scale in enumerate(recipe.windows)}
            | {"patches": patches[b][retained[b].ravel()], "class": first[b]}
            for b in range(len(images))
        ]

    def texts(
        self,
        prompts: PromptSet,
        encoder: TextEncoder,
        learned: Learned,
        features: Sequence[SliceFeatures],
    ) -> FloatArray:
        """The plain mean over a side, not normalised."""
        return pooled(prompts, encoder, lambda embeddings: np.asarray(embeddings.mean(axis=0)))

    def maps(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        text: FloatArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
    ) -> tuple[FloatArray, FloatArray]:
        """Harmonic means over windows and scales, and of normal slices' means over the scales.

        0 at patches that are not retained.
        """
        scores = probability(np.stack([arrays["class"] for arrays in features]), text)
        grids = np.zeros(retained.shape, np.float32)
        for b, arrays in enumerate(features):
            inverse = 1 / scores[b]
            for scale in recipe.windows:
                of_windows = probability(arrays[f"windows{scale}"], text)
                inverse = inverse + 1 / _harmonic(of_windows, retained[b], scale)
            grids[b] = np.where(retained[b], (1 + len(recipe.windows)) / inverse, 0)
        if references:
            few = np.stack(
                [_few(*of, references, recipe) for of in zip(features, retained, strict=True)]
            )
            grids = np.asarray((grids + few) / 2, np.float32)
            scores = (scores + few.max(axis=(1, 2))) / 2
        grid = torch.from_numpy(np.nan_to_num(grids, posinf=0))[:, None]
        values = enlarged(grid, recipe.image_size, align_corners=False)
        return np.asarray(values[:, 0].numpy()), scores

    def patch_values(
        self,
        features: SliceFeatures,
        retained: MaskArray,
        texts: FloatArray,
        learned: Learned,
        recipe: Recipe,
    ) -> FloatArray:
        """(N, P): harmonic means at the retained patches, not enlarged, for (N, K, E)."""
        inverse = 1 / probabilities(features["class"][None], texts)  # (N, 1)
        for scale in recipe.windows:
            of_windows = probabilities(features[f"windows{scale}"], texts)
            inverse = inverse + 1 / _harmonic(of_windows, retained, scale)[:, retained]
        return np.asarray((1 + len(recipe.windows)) / inverse, np.float32)


def _few(
    features: SliceFeatures,
    retained: MaskArray,
    references: Sequence[SliceFeatures],
    recipe: Recipe,
) -> FloatArray:
    """F (R, C): how far patches and windows are from normal slices'; 0 where not retained."""

    def away(part: str) -> FloatArray:
        normal = np.concatenate([reference[part] for reference in references])
        return distance(features[part], normal) / 2

    total = np.zeros(retained.shape, np.float32)
    total[retained] = away("patches")
    for scale in recipe.windows:
        total += np.where(retained, _harmonic(away(f"windows{scale}"), retained, scale), 0)
    return total / np.float32(1 + len(recipe.windows))


def _touching(retained: MaskArray, scale: int) -> MaskArray:
    """Windows (R-k+1, C-k+1), by their upper left patch, that hold a retained patch."""
    views = np.lib.stride_tricks.sliding_window_view(retained, (scale, scale))
    return np.asarray(views.any(axis=(2, 3)))


def _patches(retained: MaskArray, scale: int) -> NDArray[np.int64]:
    """Patches of each such window, (M, k*k) indices into the grid, row by row."""
    rows, columns = np.nonzero(_touching(retained, scale))
    steps = np.arange(scale)
    rows = rows[:, None, None] + steps[:, None]
    return (rows * retained.shape[1] + columns[:, None, None] + steps).reshape(-1, scale * scale)


def _harmonic(values: FloatArray, retained: MaskArray, scale: int) -> FloatArray:
    """Harmonic mean (…, R, C) of the values (…, M) of the windows that hold each patch."""
    touching = _touching(retained, scale)
    inverse = np.zeros((*values.shape[:-1], *touching.shape))
    with np.errstate(divide="ignore"):  # a window just like a normal one: its mean is 0
        inverse[..., touching] = 1 / values.astype(np.float64)
    total, count = np.zeros((*values.shape[:-1], *retained.shape)), np.zeros(retained.shape)
    height, width = touching.shape
    for row in range(scale):
        for column in range(scale):
            window = (..., slice(row, row + height), slice(column, column + width))
            total[window] += inverse
            count[window] += touching
    count = np.broadcast_to(count, total.shape)
    return np.divide(count, total, out=np.ones(total.shape), where=total > 0)
