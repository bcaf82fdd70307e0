"""From tokens of retained patches to values at pixels."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import functional, torch
from zsad_core.errors import SettingError
from zsad_core.types import FloatArray, MaskArray, Recipe, SliceFeatures

if TYPE_CHECKING:
    from torch import Tensor

SLACK = 3  # pixels that stretching to the slice and half a slice pixel may reach further


def grid_of(info: TowerInfo, image_size: int) -> tuple[int, int]:
    """(input side, patches a side); raises SettingError where patches do not fill the side."""
    side = image_size or info.image_size
    if side % info.patch_size or side <= 0:
        raise SettingError(
            f"Image size {side} is no multiple of the patch size {info.patch_size} of "
            f"'{info.name}'; choose {max(side // info.patch_size, 1) * info.patch_size}."
        )
    return side, side // info.patch_size


def quarters(info: TowerInfo) -> tuple[int, ...]:
    """Four taps, a quarter of the visual blocks apart (6, 12, 18, 24 of 24)."""
    return tuple(info.visual_blocks * k // 4 for k in range(1, 5))


def tap_parts(recipe: Recipe) -> tuple[str, ...]:
    """Names of what `retained_features` makes of a slice."""
    return (*(f"tap{block}" for block in recipe.taps), "class")


def retained_features(
    taps: Sequence[FloatArray], first: FloatArray, recipe: Recipe, retained: MaskArray
) -> list[SliceFeatures]:
    """Of each slice the retained patches' tokens (P, width) of each tap, and class feature (E,).

    From taps L x (B, all patches, width), class features (B, E) and retained patches (B, R, C).
    """
    flat = retained.reshape(len(retained), -1)
    return [
        dict(zip(tap_parts(recipe), [*(tap[b][flat[b]] for tap in taps), first[b]], strict=True))
        for b in range(len(retained))
    ]


def spread(values: FloatArray, retained: MaskArray, fill: float) -> Tensor:
    """Values of all retained patches (sum of P,) on their grids (B, 1, R, C), `fill` elsewhere."""
    grid = np.full(retained.shape, fill, np.float32)
    grid[retained] = values
    return torch.from_numpy(grid)[:, None]


def enlarged(grid: Tensor, side: int, align_corners: bool) -> Tensor:
    """(B, 1, R, C) to (B, 1, side, side), bilinear."""
    return functional.interpolate(grid, (side, side), mode="bilinear", align_corners=align_corners)


@functools.lru_cache(8)
def smoothly(size: int, side: int, sigma: int) -> Tensor:
    """(side, size): bilinear enlarging of one axis and scipy's Gaussian, sigma in pixels.

    Both are separable, so a map is `smoothly @ grid @ smoothly.T`; corners are not aligned.
    """
    axis = functional.interpolate(torch.eye(size)[None], side, mode="linear", align_corners=False)
    smooth = ndimage.gaussian_filter1d(axis[0].T.double().numpy(), sigma, axis=0)
    return torch.from_numpy(smooth).float()


def reach_of(sigma: int, patch: int) -> int:
    """How many patches around the brain a map inside it depends on that `smoothly` makes."""
    return math.ceil((4 * sigma + SLACK) / patch + 0.5)


def stretched(maps: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """(B, S, S) to (B, H, W), bilinear: the square input stretched back to the slice."""
    if maps.shape[1:] == shape:
        return maps
    grid = torch.from_numpy(maps)[:, None]
    enlarged_grid = functional.interpolate(grid, shape, mode="bilinear", align_corners=False)
    return np.asarray(enlarged_grid[:, 0].numpy())
