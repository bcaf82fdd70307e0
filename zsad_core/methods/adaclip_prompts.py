"""AdaCLIP's prompts in both towers, and the projections; gradients flow to what is learned."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from zsad_core.backbones import Tower
from zsad_core.types import ByteArray, Recipe

Tensors = Mapping[str, Tensor]


def depth(names: Mapping[str, object]) -> int:
    """How many blocks have prompts of their own, at least one."""
    return max(sum(name.startswith("visual_prompter.static_prompts.") for name in names), 1)


def linear(learned: Tensors, name: str, x: Tensor) -> Tensor:
    """x (…, n) through the linear layer of that name."""
    return functional.linear(x, learned[f"{name}.weight"], learned[f"{name}.bias"])


def vectors(learned: Tensors, side: Literal["visual", "text"], first: Tensor) -> Tensor:
    """Prompts (B, depth, length, width of that tower), rounded to float16 as published.

    What the heads make of the plain class feature (B, E) is added to the static prompt of each
    block.
    """
    static = torch.stack(
        [learned[f"{side}_prompter.static_prompts.{i}"] for i in range(depth(learned))]
    )
    heads = [f"dynamic_{side}_prompt_generator.head.{j}" for j in range(static.shape[1])]
    dynamic = torch.stack([linear(learned, name, first) for name in heads], dim=1)
    return (dynamic[:, None] + static).half().float()


def image_side(
    tower: Tower, images: ByteArray, recipe: Recipe, learned: Tensors, first: Tensor
) -> tuple[list[Tensor], Tensor]:
    """Projected patches of each tap, L x (B, P, E), and class features (B, E), all unit vectors.

    The prompts follow the patches: put in ahead of the first block, other ones ahead of the next.
    They have no position.
    """
    prompts, taps = vectors(learned, "visual", first), list[Tensor]()
    blocks, length = prompts.shape[1:3]

    def between(number: int, x: Tensor) -> Tensor:
        if number in recipe.taps:
            name = f"patch_token_layer.head.{len(taps)}"
            patches = linear(learned, name, x[:, 1:-length].float())
            taps.append(functional.normalize(patches, dim=-1))
        if number >= blocks:
            return x
        kept = x if number == 0 else x[:, :-length]
        return torch.cat([kept, prompts[:, number].to(x.dtype)], dim=1)

    last = tower.walk(images, recipe, between)
    whole = linear(learned, "cls_token_layer.head.0", tower.projected(last[:, 0]).float())
    return taps, functional.normalize(whole, dim=-1)


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
        if not 2 <= number <= blocks:
            return x
        put = prompts[:, number - 1].repeat_interleave(len(words), dim=0)
        return torch.cat([x[:, :1], put, x[:, 1 + length :]], dim=1)[:, : x.shape[1]]

    found = tower.read_words(tokens.repeat(slices, 1), words, activation, before)
    found = functional.normalize(found, dim=-1).unflatten(0, (slices, len(words)))
    means = [part.mean(dim=1) for part in found.split([len(side) for side in sides], dim=1)]
    return functional.normalize(torch.stack(means, dim=1), dim=-1)
