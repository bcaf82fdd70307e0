"""MVFA's adapters inside the image tower; gradients flow to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from zsad_core.backbones.lazy import functional
from zsad_core.methods.grids import TAPS
from zsad_core.types import ByteArray, Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower

HEADS = ("seg", "det")
Size = TypeVar("Size", int, int | None)
STREAM, SHARE, SLOPE = 0.8, 0.1, 0.01  # of the stream, of each head; of LeakyReLU


def shapes(embed: Size, width: Size) -> dict[str, tuple[Size, ...]]:
    """Names and shapes (out, in) of what is learned.

    Official files also hold fc2 of the last tap, which influences nothing.
    """
    sizes: dict[str, tuple[Size, ...]] = {}
    for head in HEADS:
        for tap in range(TAPS):
            sizes[f"{head}_adapters.{tap}.fc1.0.weight"] = (embed, width)
            if tap < TAPS - 1:
                sizes[f"{head}_adapters.{tap}.fc2.0.weight"] = (width, embed)
    return sizes


def streams(
    tower: Tower, images: ByteArray, recipe: Recipe, learned: Mapping[str, Tensor]
) -> list[Tensor]:
    """What the adapters of each tap read, L x (B, 1+P, width) float32, the class token first.

    Blocks before the first tap hold no gradient.
    """
    taps: list[Tensor] = []

    def between(number: int, x: Tensor) -> Tensor:
        if number not in recipe.taps:
            return x
        tap = len(taps)
        taps.append(x.float())
        if tap == TAPS - 1:  # nothing reads the stream after the last
            return x
        mixed = STREAM * taps[tap]
        for head in HEADS:
            h = _layer(taps[tap], learned[f"{head}_adapters.{tap}.fc1.0.weight"])
            mixed = mixed + SHARE * _layer(h, learned[f"{head}_adapters.{tap}.fc2.0.weight"])
        return mixed.to(x.dtype)

    tower.walk(images, recipe, between)
    return taps


def bottlenecks(taps: Sequence[Tensor], head: str, learned: Mapping[str, Tensor]) -> list[Tensor]:
    """fc1 of a head on the streams of the taps: L x (B, 1+P, E), not normalised."""
    names = [f"{head}_adapters.{tap}.fc1.0.weight" for tap in range(TAPS)]
    return [_layer(x, learned[name]) for x, name in zip(taps, names, strict=True)]


def _layer(x: Tensor, weight: Tensor) -> Tensor:
    return functional.leaky_relu(functional.linear(x, weight), SLOPE)
