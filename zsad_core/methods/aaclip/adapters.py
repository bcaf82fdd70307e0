"""AA-CLIP's adapters and projections in both towers; gradients flow to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import functional
from zsad_core.methods.grids import TAPS
from zsad_core.types import ByteArray, Recipe

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower

MIX = 0.1  # how much of an adapter joins the stream


def shapes(info: TowerInfo) -> dict[str, tuple[int, int]]:
    """Shapes of all learned tensors by their official names, for adapters in a quarter of blocks.

    `text_adapter.i` and, after the last of them, the projection; `image_adapter.layer_adapters.i`,
    `.seg_proj.k` of each tap, `.det_proj`.
    """
    width, embed, count = info.width, info.embed_dim, info.text_blocks // 4
    sizes = {f"text_adapter.{i}.fc.0.weight": (info.text_width,) * 2 for i in range(count)}
    sizes[f"text_adapter.{count}.fc.0.weight"] = (embed, info.text_width)
    for i in range(info.visual_blocks // 4):
        sizes[f"image_adapter.layer_adapters.{i}.fc.0.weight"] = (width, width)
    for k in range(TAPS):
        sizes[f"image_adapter.seg_proj.{k}.fc.weight"] = (embed, width)
    return {**sizes, "image_adapter.det_proj.fc.weight": (embed, width)}


def streams(
    tower: Tower, images: ByteArray, recipe: Recipe, learned: Mapping[str, Tensor]
) -> list[Tensor]:
    """Patches of each tap after `ln_post`, L x (B, P, width) float32; without adapters as it is."""
    taps: list[Tensor] = []

    def between(number: int, x: Tensor) -> Tensor:
        weight = learned.get(f"image_adapter.layer_adapters.{number - 1}.fc.0.weight")
        x = x if weight is None else _adapted(x, weight)
        if number in recipe.taps:
            taps.append(tower.ln_post(x[:, 1:]).float())
        return x

    tower.walk(images, recipe, between)
    return taps


def image_features(
    tower: Tower, images: ByteArray, recipe: Recipe, learned: Mapping[str, Tensor]
) -> tuple[list[Tensor], Tensor]:
    """Unit patch features L x (B, P, E), and the detection feature (B, E), not normalised.

    Gradients flow to the learned tensors.
    """
    taps = streams(tower, images, recipe, learned)
    whole = functional.linear(taps[-1], learned["image_adapter.det_proj.fc.weight"])
    patches = [
        functional.linear(tap, learned[f"image_adapter.seg_proj.{k}.fc.weight"])
        for k, tap in enumerate(taps)
    ]
    unit = [functional.normalize(tap, dim=-1) for tap in patches]
    return unit, functional.normalize(whole, dim=-1).mean(dim=1)


def text_features(
    tower: Tower,
    texts: Sequence[str],
    learned: Mapping[str, Tensor],
    activation: str,
    project: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """(N, E) through the adapted text tower, not normalised; gradients flow to the tensors.

    `project` may take the place of the learned projection.
    """
    count = sum(name.startswith("text_adapter.") for name in learned) - 1

    def before(number: int, x: Tensor) -> Tensor:
        if not 2 <= number < 2 + count:
            return x
        return _adapted(x, learned[f"text_adapter.{number - 2}.fc.0.weight"])

    def projected(x: Tensor) -> Tensor:
        return functional.leaky_relu(x @ learned[f"text_adapter.{count}.fc.0.weight"].T)

    return tower.read_words(*tower.words(texts), activation, before, project or projected)


def _adapted(x: Tensor, weight: Tensor) -> Tensor:
    """0.9 x + 0.1 LeakyReLU(W x), the latter at the length of x, token by token."""
    stream = x.float()
    added = functional.leaky_relu(functional.linear(stream, weight))
    scale = stream.norm(dim=-1, keepdim=True) / added.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return (MIX * scale * added + (1 - MIX) * stream).to(x.dtype)
