"""APRIL-GAN's probabilities and the two losses of its training (Lin 2017; Milletari 2016).

Constants are those of the official training, so the terms agree with it to rounding.
"""

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1e-5
GAMMA = 2.0


def focal(probability: Tensor, mask: Tensor) -> Tensor:
    """Mean over all pixels of -(1 - p)^2 ln p, where p is the probability of the true class.

    The one-hot truth is clamped to 1e-5 … 1 - 1e-5 and 1e-5 is added to p, so ln p stays finite.
    No class weights.

    Args:
        probability: (B, 2, H, W), channel 0 normal, 1 abnormal, each pixel summing to 1.
        mask: (B, H, W), 0 or 1.

    Raises:
        ValueError: if the shapes do not belong together.
    """
    if probability.shape != (len(mask), 2, *mask.shape[1:]):
        raise ValueError(f"{tuple(probability.shape)} does not fit a mask {tuple(mask.shape)}")
    truth = mask.to(probability.dtype)
    target = torch.stack([1 - truth, truth], dim=1).clamp(SMOOTH, 1 - SMOOTH)
    likely = (target * probability).sum(dim=1) + SMOOTH  # (B, H, W)
    return -((1 - likely) ** GAMMA * likely.log()).mean()


def dice(probability: Tensor, mask: Tensor) -> Tensor:
    """Mean over images of 1 - (2 sum(p y) + 1) / (sum(p) + sum(y) + 1).

    Args:
        probability: (B, H, W) of the class that the mask marks, 0 … 1.
        mask: (B, H, W), 0 or 1.

    Raises:
        ValueError: if the shapes differ.
    """
    if probability.shape != mask.shape:
        raise ValueError(f"{tuple(probability.shape)} is not the shape {tuple(mask.shape)}")
    found = probability.flatten(1)
    truth = mask.flatten(1).to(probability.dtype)
    overlap = (found * truth).sum(dim=1)
    return (1 - (2 * overlap + 1) / (found.sum(dim=1) + truth.sum(dim=1) + 1)).mean()


def probabilities(
    layers: dict[str, Tensor], tokens: Tensor, text: Tensor, side: int
) -> list[Tensor]:
    """Per tap the softmax (B, 2, side, side) of 100 z T, upsampled as logits (corners aligned).

    Args:
        layers: fc.i.weight and fc.i.bias.
        tokens: (B, L, P, width).
        text: (K, E) or (B, K, E).
        side: pixels of the map's side.
    """
    grid = round(tokens.shape[2] ** 0.5)
    found = []
    for i in range(tokens.shape[1]):
        z = functional.linear(tokens[:, i], layers[f"fc.{i}.weight"], layers[f"fc.{i}.bias"])
        logits = 100 * (z / z.norm(dim=-1, keepdim=True)) @ text.transpose(-1, -2)  # (B, P, K)
        square = logits.transpose(1, 2).unflatten(2, (grid, grid))
        up = functional.interpolate(square, (side, side), mode="bilinear", align_corners=True)
        found.append(up.softmax(dim=1))
    return found


def tap_terms(
    layers: dict[str, Tensor], tokens: Tensor, masks: Tensor, text: Tensor
) -> list[Tensor]:
    """Focal and Dice loss of each tap, each (2,); their sum over the taps is the loss."""
    maps = probabilities(layers, tokens, text, masks.shape[-1])
    return [torch.stack([focal(p, masks), dice(p[:, 1], masks)]) for p in maps]
