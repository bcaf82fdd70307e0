"""A memory of normal slices: how far tokens are from it, and the views of a slice it may hold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from zsad_core.backbones.lazy import functional, torch
from zsad_core.backbones.pixels import sized
from zsad_core.methods.aligned import unit
from zsad_core.types import ByteArray

if TYPE_CHECKING:
    from torch import Tensor

CHUNK = 1024  # tokens compared with the memory at once
ANGLES = (-math.pi / 8, -math.pi / 16, math.pi / 16, math.pi / 8)
SHIFTS = ((0.1, 0.1), (-0.1, 0.1), (-0.1, -0.1), (0.1, -0.1))  # x, y; the image's side is 2


def distance(tokens: Tensor, memory: Tensor) -> Tensor:
    """1 - the largest cosine, 0 … 2, of tokens (N, E) to those of the memory (M, E): (N,).

    >>> distance(torch.eye(2), torch.tensor([[2.0, 0.0]])).tolist()
    [0.0, 1.0]
    """
    known = unit(memory).T
    nearest = [(part @ known).amax(dim=1) for part in torch.split(unit(tokens), CHUNK)]
    return (1 - torch.cat(nearest)).clamp_(min=0)


def views(image: ByteArray, side: int, augment: bool) -> ByteArray:
    """What the memory holds of a normal slice (H, W) or (H, W, 3): (V, side, side) or with 3.

    The slice itself, and where asked 10 turned ones, rounded to 8 bits.

    >>> [views(np.zeros((3, 4), np.uint8), 2, augment).shape for augment in (False, True)]
    [(1, 2, 2), (11, 2, 2)]
    """
    whole = sized(image[None], side)
    if not augment:
        return whole
    values = torch.from_numpy(whole.astype(np.float32).reshape(1, side, side, -1))
    images = turned(values.permute(0, 3, 1, 2))[:, 0].permute(0, 2, 3, 1)  # (11, S, S, C)
    return images.round().clamp(0, 255).numpy().astype(np.uint8).reshape(-1, *whole.shape[1:])


def turned(images: Tensor) -> Tensor:
    """Images (B, C, S, S) as (11, B, C, S, S): as they are, 4 rotations, 4 shifts, 2 flips.

    What MVFA's official code (a30bf7b) makes of each support image and its mask: bilinear, the
    border reflected.
    """
    turns = [((math.cos(a), -math.sin(a), 0), (math.sin(a), math.cos(a), 0)) for a in ANGLES]
    moves = [((1, 0, x), (0, 1, y)) for x, y in SHIFTS]
    return torch.stack(
        [images, *(_warped(images, m) for m in turns + moves), images.flip(3), images.flip(2)]
    )


def _warped(images: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    theta = torch.tensor(matrix, dtype=images.dtype).expand(len(images), 2, 3)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
