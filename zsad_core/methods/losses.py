"""Maps at the side of the masks, their focal and Dice loss (Lin 2017; Milletari 2016).

Constants are those of the official training of APRIL-GAN and of AnomalyCLIP, so the terms agree
with both to rounding.
"""

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1e-5


def as_map(values: Tensor, side: int, align_corners: bool = True) -> Tensor:
    """Values (B, P) of all patches of a square grid as (B, side, side), bilinear."""
    grid = round(values.shape[1] ** 0.5)
    square = values.reshape(-1, 1, grid, grid)
    return functional.interpolate(
        square, (side, side), mode="bilinear", align_corners=align_corners
    )[:, 0]


def focal(probability: Tensor, mask: Tensor) -> Tensor:
    """Mean over all pixels of -(1 - p)^2 ln p, where p is the probability of the true class.

    From the probability of the abnormal class (B, H, W), 0 … 1, and the mask (B, H, W), 0 or 1;
    raises ValueError if the shapes differ. The truth is clamped to 1e-5 … 1 - 1e-5 and 1e-5 is
    added to p, so ln p stays finite. No class weights.
    """
    _same_shape(probability, mask)
    right = torch.where(mask > 0.5, probability, 1 - probability)
    likely = right * (1 - 2 * SMOOTH) + 2 * SMOOTH  # (1 - s) right + s (1 - right) + s
    return -((1 - likely).square() * likely.log()).mean()


def dice(probability: Tensor, mask: Tensor) -> Tensor:
    """Mean over images of 1 - (2 sum(p y) + 1) / (sum(p) + sum(y) + 1).

    From the probability (B, H, W), 0 … 1, of the class that the mask (B, H, W), 0 or 1, marks;
    raises ValueError if the shapes differ.
    """
    _same_shape(probability, mask)
    predicted = probability.flatten(1)
    truth = mask.flatten(1).to(probability.dtype)
    overlap = (predicted * truth).sum(dim=1)
    return (1 - (2 * overlap + 1) / (predicted.sum(dim=1) + truth.sum(dim=1) + 1)).mean()


def _same_shape(probability: Tensor, mask: Tensor) -> None:
    if probability.shape != mask.shape:
        raise ValueError(f"{tuple(probability.shape)} is not the shape {tuple(mask.shape)}")
