"""Images, and the positions of their patches, as the input of a tower."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from zsad_core.backbones.lazy import functional, torch
from zsad_core.backbones.sources import TowerInfo
from zsad_core.types import ByteArray, Recipe

if TYPE_CHECKING:
    from torch import Tensor


def sized(images: ByteArray, side: int) -> ByteArray:
    """Images (N, H, W) or (N, H, W, 3) resized to side x side pixels by PIL's bicubic filter.

    >>> sized(np.zeros((1, 3, 4), np.uint8), 2).shape
    (1, 2, 2)
    """
    if images.shape[1:3] == (side, side):
        return images
    size, resampling = (side, side), Image.Resampling.BICUBIC
    return np.stack(
        [np.asarray(Image.fromarray(image).resize(size, resampling)) for image in images]
    )


def pixels(images: ByteArray, recipe: Recipe, tower_info: TowerInfo, device: str) -> Tensor:
    """(B, 3, S, S) float32 on a device, resized before (a grey slice as grey), then scaled."""
    values = torch.tensor(sized(images, recipe.image_size)).to(device)
    if values.ndim == 3:
        values = values[..., None].repeat(1, 1, 1, 3)
    values = values.permute(0, 3, 1, 2).float() / 255
    if recipe.scaling == "plain":
        return values
    mean, std = (
        torch.tensor(of_channels, device=device).view(1, 3, 1, 1)
        for of_channels in (tower_info.mean, tower_info.std)
    )
    return (values - mean) / std


def resized_positions(table: Tensor, recipe: Recipe) -> Tensor:
    """Positions (1+P, width) for another grid; the class row is kept."""
    side = round((len(table) - 1) ** 0.5)
    if side == recipe.grid:
        return table
    grid = table[1:].T.reshape(1, -1, side, side)
    mode, _, antialias = recipe.positions.partition("_")
    grid = functional.interpolate(
        grid, (recipe.grid, recipe.grid), mode=mode, align_corners=False, antialias=bool(antialias)
    )
    return torch.cat([table[:1], grid.flatten(2)[0].T])
