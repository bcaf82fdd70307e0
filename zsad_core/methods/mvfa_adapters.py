"""MVFA's adapters inside the image tower; gradients flow to them."""

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor
from torch.nn import functional

from zsad_core.backbones import Tower
from zsad_core.types import ByteArray, Recipe

TAPS = 4
HEADS = ("seg", "det")
Size = TypeVar("Size", int, int | None)
STREAM, SHARE, SLOPE = 0.8, 0.1, 0.01  # of the stream, of each head; of LeakyReLU


def shapes(embed: Size, width: Size) -> dict[str, tuple[Size, ...]]:
    """Names and shapes (out, in) of what is learned.

    Official files also hold fc2 of the last tap, which influences nothing.
    """
    found: dict[str, tuple[Size, ...]] = {}
    for head in HEADS:
        for tap in range(TAPS):
            found[f"{head}_adapters.{tap}.fc1.0.weight"] = (embed, width)
            if tap < TAPS - 1:
                found[f"{head}_adapters.{tap}.fc2.0.weight"] = (width, embed)
    return found


def bottlenecks(
    tower: Tower, images: ByteArray, recipe: Recipe, learned: Mapping[str, Tensor]
) -> dict[str, list[Tensor]]:
    """L x (B, 1+P, E) of each head, the class token first, not normalised.

    Blocks before the first tap hold no gradient.
    """
    found: dict[str, list[Tensor]] = {head: [] for head in HEADS}

    def between(number: int, x: Tensor) -> Tensor:
        if number not in recipe.taps:
            return x
        tap, stream = recipe.taps.index(number), x.float()
        mixed = STREAM * stream
        for head in HEADS:
            name = f"{head}_adapters.{tap}"
            found[head].append(_layer(stream, learned[f"{name}.fc1.0.weight"]))
            if tap < TAPS - 1:  # nothing reads the stream after the last
                mixed = mixed + SHARE * _layer(found[head][-1], learned[f"{name}.fc2.0.weight"])
        return mixed.to(x.dtype)

    tower.walk(images, recipe, between)
    return found


def _layer(x: Tensor, weight: Tensor) -> Tensor:
    return functional.leaky_relu(functional.linear(x, weight), SLOPE)
