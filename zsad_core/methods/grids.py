"""From tokens of retained patches to values at pixels, and the four taps of most methods."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import functional, torch
from zsad_core.errors import SettingError
from zsad_core.types import FloatArray, MaskArray, Recipe

if TYPE_CHECKING:
    from torch import Tensor

SliceTensors = dict[str, "Tensor"]
"""Features of a slice by name, on the device."""

TAPS = 4
NEAR = 8  # slices
FAR = -20.0  # logit of a patch that is not retained: certainly normal
WHOLE = slice(None), slice(None)
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
    return tuple(info.visual_blocks * k // TAPS for k in range(1, TAPS + 1))


def tap_parts(recipe: Recipe) -> tuple[str, ...]:
    """Names of what `retained_features` makes of a slice."""
    return (*(f"tap{block}" for block in recipe.taps), "class")


def retained_features(
    taps: Sequence[Tensor], first: Tensor, recipe: Recipe, retained: MaskArray
) -> list[SliceTensors]:
    """Of each slice the retained patches' tokens (P, width) of each tap, and class feature (E,).

    From taps L x (B, all patches, width), class features (B, E) and retained patches (B, R, C).
    """
    by_tap = dict(zip(tap_parts(recipe), [*taps, first], strict=True))
    return at_retained(by_tap, retained)


def at_retained(tensors: Mapping[str, Tensor], retained: MaskArray) -> list[SliceTensors]:
    """Of each slice the retained patches (B, R, C) of (B, all patches, width) by name, float32.

    A tensor (B, 1 + all patches, width) keeps its class token too, one (B, E) its row.
    """
    patches = retained.reshape(len(retained), -1)
    tokens = np.pad(patches, ((0, 0), (1, 0)), constant_values=True)
    device = next(iter(tensors.values())).device
    rows = {
        masks.shape[1]: [torch.from_numpy(np.flatnonzero(mask)).to(device) for mask in masks]
        for masks in (patches, tokens)
    }
    return [
        {
            name: (tensor[b][rows[tensor.shape[1]][b]] if tensor.ndim == 3 else tensor[b]).float()
            for name, tensor in tensors.items()
        }
        for b in range(len(retained))
    ]


def spread(values: Tensor, retained: Tensor, fill: float) -> Tensor:
    """Values of all retained patches (…, sum of P) on grids (…, B, R, C), `fill` elsewhere."""
    grids = values.new_full((*values.shape[:-1], *retained.shape), fill)
    return grids.masked_scatter_(retained, values)


@functools.lru_cache(16)
def enlarging(size: int, side: int, align_corners: bool, device: torch.device) -> Tensor:
    """(side, size): bilinear enlarging of one axis."""
    axis = functional.interpolate(
        torch.eye(size)[None], side, mode="linear", align_corners=align_corners
    )
    return axis[0].T.contiguous().to(device)


def enlarged(
    grids: Tensor, side: int, align_corners: bool, within: tuple[slice, slice] = WHOLE
) -> Tensor:
    """(B, R, R) to (B, side, side), bilinear: a product for each axis; or some rows and columns."""
    enlarge = enlarging(grids.shape[-1], side, align_corners, grids.device)
    rows, columns = within
    return enlarge[rows] @ (grids @ enlarge[columns].T)


def reach(retained: Tensor, side: int) -> tuple[slice, slice]:
    """Rows and columns of pixels that any retained patch (B, R, R) changes, corners aligned."""
    enlarge = enlarging(retained.shape[-1], side, True, retained.device)
    patches = retained.any(dim=0)
    spans = []
    for axis in (1, 0):
        pixels = enlarge[:, patches.any(dim=axis)].any(dim=1).nonzero()
        spans.append(slice(int(pixels[0]), int(pixels[-1]) + 1) if len(pixels) else slice(0, 0))
    return spans[0], spans[1]


def apart_by_100(texts: Tensor) -> Tensor:
    """What a token is multiplied with for the logit of a softmax of two: (N, E) of (N, K, E)."""
    return 100 * (texts[:, 1] - texts[:, 0])


def summed_maps(taps: Sequence[Tensor], apart: Tensor, retained: Tensor, side: int) -> Tensor:
    """(B, S, S): the sum over taps (sum of P, E) of the softmax of the enlarged logits, for (E,).

    Corners are aligned. A few slices at once, whose values a processor holds near, and only where
    patches (B, R, R) are retained.
    """
    grids = [spread(tap @ apart, retained, FAR) for tap in taps]
    maps = apart.new_full((len(retained), side, side), len(grids) / (1 + math.exp(-FAR)))
    for start in range(0, len(retained), NEAR):
        chunk = slice(start, start + NEAR)
        within = reach(retained[chunk], side)
        total = maps[chunk, *within].zero_()
        for of_tap in grids:
            total += enlarged(of_tap[chunk], side, align_corners=True, within=within).sigmoid_()
    return maps


def summed_values(taps: Sequence[Tensor], apart: Tensor) -> Tensor:
    """(N, sum of P): that sum at the retained patches, not enlarged, for (N, E)."""
    return torch.stack([torch.sigmoid_(apart @ tap.T) for tap in taps]).sum(dim=0)


@functools.lru_cache(8)
def smoothing(size: int, side: int, sigma: int, device: torch.device) -> Tensor:
    """(side, size): bilinear enlarging of one axis and scipy's Gaussian, sigma in pixels."""
    axis = enlarging(size, side, False, torch.device("cpu"))
    smooth = ndimage.gaussian_filter1d(axis.double().numpy(), sigma, axis=0)
    return torch.from_numpy(smooth).float().to(device)


def smoothed(grids: Tensor, side: int, sigma: int) -> Tensor:
    """(B, R, R) to (B, side, side): enlarged bilinear, then a Gaussian in pixels; both separable.

    Corners are not aligned.
    """
    smooth = smoothing(grids.shape[-1], side, sigma, grids.device)
    return smooth @ (grids @ smooth.T)


def reach_of(sigma: int, patch: int) -> int:
    """How many patches around the brain a map inside it depends on that `smoothed` makes."""
    return math.ceil((4 * sigma + SLACK) / patch + 0.5)


def stretched(maps: Tensor, shape: tuple[int, int], high: float) -> FloatArray:
    """(B, S, S) to (B, H, W) in memory: the square input stretched back to the slice, bilinear.

    Values stay in 0 … high, whose ends rounding and resampling may pass by a last bit.
    """
    if maps.shape[1:] != shape:
        maps = functional.interpolate(maps[:, None], shape, mode="bilinear", align_corners=False)[
            :, 0
        ]
    return np.asarray(maps.clamp(0, high).cpu().numpy())
