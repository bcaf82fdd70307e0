"""AdaCLIP's prompts in both towers, and the projections; gradients flow to what is learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from zsad_core.backbones.lazy import functional, torch
from zsad_core.methods.grids import TAPS
from zsad_core.types import ByteArray, Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower

Tensors = Mapping[str, "Tensor"]
Size = TypeVar("Size", int, int | None)


def shapes(embed: Size, width: Size, blocks: int, length: int) -> dict[str, tuple[Size | int, ...]]:
    """Published names and shapes of what is learned, for a text as wide as the embedding.

    `blocks` have prompts of `length` vectors, 4 and 5 as published. Official files also hold a
    first static prompt of the text, which nothing reads.
    """
    sizes: dict[str, tuple[Size | int, ...]] = {}

    def layer(name: str, out: Size, into: Size) -> None:
        sizes.update({f"{name}.weight": (out, into), f"{name}.bias": (out,)})

    for side, size in (("text", embed), ("visual", width)):
        for i in range(side == "text", blocks):
            sizes[f"{side}_prompter.static_prompts.{i}"] = (length, size)
        for j in range(length):
            layer(f"dynamic_{side}_prompt_generator.head.{j}", size, embed)
    for i in range(TAPS):
        layer(f"patch_token_layer.head.{i}", embed, width)
    layer("cls_token_layer.head.0", embed, embed)
    return sizes


def depth(names: Mapping[str, object]) -> int:
    """How many blocks have prompts of their own, at least two."""
    return max(sum(name.startswith("visual_prompter.static_prompts.") for name in names), 2)


def linear(learned: Tensors, name: str, x: Tensor) -> Tensor:
    """x (…, n) through the linear layer of that name."""
    return functional.linear(x, learned[f"{name}.weight"], learned[f"{name}.bias"])


def vectors(learned: Tensors, side: Literal["visual", "text"], first: Tensor) -> Tensor:
    """Prompts (B, blocks, length, width of that tower), rounded to float16 as published.

    What the heads make of the plain class feature (B, E) is added to the static prompt of each
    block: of the visual blocks 1 … depth, of the text blocks 2 … depth.
    """
    blocks = range(side == "text", depth(learned))
    static = torch.stack([learned[f"{side}_prompter.static_prompts.{i}"] for i in blocks])
    heads = [f"dynamic_{side}_prompt_generator.head.{j}" for j in range(static.shape[1])]
    dynamic = torch.stack([linear(learned, name, first) for name in heads], dim=1)
    return (dynamic[:, None] + static).half().float()


def plain_features(tower: Tower, images: ByteArray, recipe: Recipe) -> Tensor:
    """Class features (B, E) without prompts, not normalised, float32, of one image at a time."""
    plain = replace(recipe, taps=())
    return torch.cat([tower.taps(image[None], plain)[1] for image in images]).float()


def image_side(
    tower: Tower, images: ByteArray, recipe: Recipe, learned: Tensors, first: Tensor
) -> tuple[list[Tensor], Tensor]:
    """Projected patches of each tap, L x (B, P, E), and class features (B, E), not normalised.

    The prompts follow the patches: put in ahead of the first block, other ones ahead of the next.
    They have no position.
    """
    prompts = vectors(learned, "visual", first)
    taps: list[Tensor] = []
    blocks, length = prompts.shape[1:3]

    def between(number: int, x: Tensor) -> Tensor:
        if number in recipe.taps:
            name = f"patch_token_layer.head.{len(taps)}"
            taps.append(linear(learned, name, x[:, 1:-length].float()))
        if number >= blocks:
            return x
        tokens = x if number == 0 else x[:, :-length]
        return torch.cat([tokens, prompts[:, number].to(x.dtype)], dim=1)

    last = tower.walk(images, recipe, between)
    first_token = tower.projected(last[:, 0]).float()
    return taps, linear(learned, "cls_token_layer.head.0", first_token)


def text_side(
    tower: Tower, sides: Sequence[Sequence[str]], learned: Tensors, activation: str, first: Tensor
) -> Tensor:
    """Unit vectors (B, K, E): each sentence normalised, mean over a side, normalised.

    Ahead of the blocks 2 … depth the words after the start token are overwritten by prompts that
    depend on the plain class feature (B, E). The first block is the same for every slice.
    """
    tokens, words = tower.words([sentence for side in sides for sentence in side])
    prompts = vectors(learned, "text", first)
    slices, blocks, length = prompts.shape[:3]

    def before(number: int, x: Tensor) -> Tensor:
        if number == 2:
            x = x.repeat(slices, 1, 1)
        if not 2 <= number < 2 + blocks:
            return x
        put = prompts[:, number - 2].repeat_interleave(len(words), dim=0)
        return torch.cat([x[:, :1], put, x[:, 1 + length :]], dim=1)[:, : x.shape[1]]

    embeddings = tower.read_words(tokens.repeat(slices, 1), words, activation, before)
    embeddings = functional.normalize(embeddings, dim=-1).reshape(slices, len(words), -1)
    normal = len(sides[0])
    means = [part.mean(dim=1) for part in (embeddings[:, :normal], embeddings[:, normal:])]
    return functional.normalize(torch.stack(means, dim=1), dim=-1)  # (B, K, E)
