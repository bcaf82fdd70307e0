"""APRIL-GAN's probabilities and the two losses of its training (Lin 2017; Milletari 2016).

Constants are those of the official training, so the terms agree with it to rounding.
"""

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1e-5


def focal(probability: Tensor, mask: Tensor) -> Tensor:
    """Mean over all pixels of -(1 - p)^2 ln p, where p is the probability of the true class.

    The truth is clamped to 1e-5 … 1 - 1e-5 and 1e-5 is added to p, so ln p stays finite. No class
    weights.

    Args:
        probability: (B, H, W) of the abnormal class, 0 … 1; the normal class has the rest.
        mask: (B, H, W), 0 or 1.

    Raises:
        ValueError: if the shapes differ.
    """
    _same_shape(probability, mask)
    right = torch.where(mask > 0.5, probability, 1 - probability)
    likely = right * (1 - 2 * SMOOTH) + 2 * SMOOTH  # (1 - s) right + s (1 - right) + s
    return -((1 - likely).square() * likely.log()).mean()


def dice(probability: Tensor, mask: Tensor) -> Tensor:
    """Mean over images of 1 - (2 sum(p y) + 1) / (sum(p) + sum(y) + 1).

    Args:
        probability: (B, H, W) of the class that the mask marks, 0 … 1.
        mask: (B, H, W), 0 or 1.

    Raises:
        ValueError: if the shapes differ.
    """
    _same_shape(probability, mask)
    found = probability.flatten(1)
    truth = mask.flatten(1).to(probability.dtype)
    overlap = (found * truth).sum(dim=1)
    return (1 - (2 * overlap + 1) / (found.sum(dim=1) + truth.sum(dim=1) + 1)).mean()


def probabilities(
    layers: dict[str, Tensor], tokens: Tensor, text: Tensor, side: int
) -> list[Tensor]:
    """Per tap the abnormal probability (B, side, side): softmax of the upsampled 100 z T.

    Of two classes the softmax is the sigmoid of the difference, and upsampling (bilinear, corners
    aligned) is linear, so one image of differences is upsampled instead of two of logits.

    Args:
        layers: fc.i.weight and fc.i.bias.
        tokens: (B, L, P, width).
        text: (2, E) or (B, 2, E), unit vectors, normal and abnormal.
        side: pixels of the map's side.
    """
    grid = round(tokens.shape[2] ** 0.5)
    difference = (text[..., 1, :] - text[..., 0, :])[..., None]  # (E, 1) or (B, E, 1)
    found = []
    for i in range(tokens.shape[1]):
        z = functional.linear(tokens[:, i], layers[f"fc.{i}.weight"], layers[f"fc.{i}.bias"])
        logit = 100 * (z @ difference)[..., 0] / z.norm(dim=-1)  # (B, P)
        square = logit.unflatten(1, (1, grid, grid))
        up = functional.interpolate(square, (side, side), mode="bilinear", align_corners=True)
        found.append(up[:, 0].sigmoid())
    return found


def tap_terms(
    layers: dict[str, Tensor], tokens: Tensor, masks: Tensor, text: Tensor
) -> list[Tensor]:
    """Focal and Dice loss of each tap, each (2,); their sum over the taps is the loss."""
    maps = probabilities(layers, tokens, text, masks.shape[-1])
    return [torch.stack([focal(p, masks), dice(p, masks)]) for p in maps]


def _same_shape(probability: Tensor, mask: Tensor) -> None:
    if probability.shape != mask.shape:
        raise ValueError(f"{tuple(probability.shape)} is not the shape {tuple(mask.shape)}")
