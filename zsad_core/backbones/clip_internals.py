"""Walks through an open_clip model that its own forward does not offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from zsad_core.errors import WeightsError

if TYPE_CHECKING:  # it takes seconds to import, and no page needs it before a tower is read
    import open_clip
    from open_clip.transformer import ResidualAttentionBlock, TextTransformer

Step = Callable[[int, Tensor], Tensor]
"""Called as step(number, tokens) ahead of or after each block, counted from 1; returns tokens."""


def activate(transformer: open_clip.transformer.Transformer, activation: str) -> None:
    """Exact or quick GELU in every block."""
    from zsad_core.backbones.quick_open_clip import open_clip

    quick = open_clip.transformer.QuickGELU
    wanted = quick if activation == "quick_gelu" else nn.GELU
    for block in transformer.resblocks:
        if not isinstance(block.mlp.gelu, wanted):
            block.mlp.gelu = wanted()


def text_side(model: open_clip.CLIP) -> TextTransformer:
    """The module with the token table, the text blocks and the projection; raises WeightsError."""
    text = getattr(model, "text", model)
    if not hasattr(text, "token_embedding"):
        raise WeightsError(
            f"The text tower is a {type(text).__name__}, and learned prompts need open_clip's own; "
            "choose a model such as ViT-B-16."
        )
    return text


def ends_with_its_words(text: nn.Module) -> bool:
    """Whether the text feature is read at the end-of-text token, and nothing behind it is seen."""
    pool = getattr(text, "text_pool_type", getattr(text, "pool_type", ""))
    causal = getattr(text, "attn_mask", None) is not None
    return pool == "argmax" and causal and getattr(text, "cls_emb", None) is None


def walk_text(
    text: TextTransformer,
    tokens: Tensor,
    words: Tensor,
    before: Step,
    project: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Text features (N, E), after `ln_final` at the end-of-text token and `text_projection`.

    tokens (N, T) say where the text ends, words (N, T, width) are what the blocks read, without
    positions. `before` may make more rows of them, as many as tokens has. Where the text is causal,
    what follows the longest text is left out: nothing reads it. `project` takes the place of
    `text_projection`. Gradients flow through.
    """
    ends, mask = tokens.argmax(dim=1), text.attn_mask
    length = words.shape[1] if mask is None else int(ends.max()) + 1
    mask = None if mask is None else mask[:length, :length]
    x = words[:, :length] + text.positional_embedding[:length]
    for number, block in enumerate(text.transformer.resblocks, 1):
        x = through(block, before(number, x), mask)
    last = text.ln_final(x[torch.arange(len(x)), ends])
    project = project or text.text_projection
    return last @ project if isinstance(project, Tensor) else project(last)


def through(block: ResidualAttentionBlock, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """What a block makes of its tokens (B, N, width); gradients flow through."""
    if not isinstance(block.attn, nn.MultiheadAttention):  # a model with attention of its own
        return block(x, attn_mask=mask)
    mixed = x + block.ls_1(self_attention(block, block.ln_1(x), mask))
    return mixed + block.ls_2(block.mlp(block.ln_2(mixed)))


def through_at(block: ResidualAttentionBlock, x: Tensor, read: Tensor | None) -> Tensor:
    """`through` where only some tokens of the result will be read, (B, N) of bool; None for all.

    They attend to all, so that they come out the same. For the last block, after which nobody asks
    for the rest. A model with attention of its own, and torch's fast path, give all.
    """
    own = not isinstance(block.attn, nn.MultiheadAttention)
    if read is None or own or torch.backends.mha.get_fastpath_enabled():
        return through(block, x)
    most = int(read.sum(dim=1).max())
    places = read.int().argsort(dim=1, descending=True, stable=True)[:, :most, None]
    places = places.expand(-1, -1, x.shape[2])
    attended = block.ln_1(x)
    weight, bias, width = block.attn.in_proj_weight, block.attn.in_proj_bias, x.shape[2]
    q = functional.linear(attended.gather(1, places), weight[:width], bias[:width])
    k, v = functional.linear(attended, weight[width:], bias[width:]).chunk(2, dim=2)
    mixed = x.gather(1, places) + block.ls_1(_mixed(block, q, k, v))
    return x.scatter(1, places, mixed + block.ls_2(block.mlp(block.ln_2(mixed))))


def self_attention(block: ResidualAttentionBlock, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention of a block's normalised tokens (B, N, width), before the residual.

    As `block.attention`, which transposes its input first and then makes q, k and v slice by
    slice: with two slices a block took 1.2 (float32) to 5 times (bfloat16) as long. Where torch's
    fast path is on, which writes all weights out as official codes do, it is left to that.
    """
    if torch.backends.mha.get_fastpath_enabled():
        return block.attention(q_x=x, attn_mask=mask)
    joined = functional.linear(x, block.attn.in_proj_weight, block.attn.in_proj_bias)
    q, k, v = joined.chunk(3, dim=2)
    return _mixed(block, q, k, v, mask)


def value_attention(block: ResidualAttentionBlock, x: Tensor) -> Tensor:
    """V-V attention of a block: softmax(v v^T / sqrt(64)) v with the block's own weights.

    x (B, N, width) is the stream that the block itself reads; it stays as it is.
    """
    width = x.shape[2]
    weight, bias = block.attn.in_proj_weight[-width:], block.attn.in_proj_bias[-width:]
    v = functional.linear(block.ln_1(x), weight, bias)
    return _mixed(block, v, v, v)


def _mixed(
    block: ResidualAttentionBlock, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> Tensor:
    """(B, M, width): values v of all tokens, as q (B, M, width) attends to k (B, N, width)."""
    heads = block.attn.num_heads
    q, k, v = (x.reshape(*x.shape[:2], heads, -1).transpose(1, 2) for x in (q, k, v))
    mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return block.attn.out_proj(mixed.transpose(1, 2).flatten(2))


def two_streams(
    blocks: Sequence[ResidualAttentionBlock], x: Tensor, taps: Sequence[int]
) -> list[tuple[Tensor, Tensor]]:
    """CLIP-AD's original and V-V stream (B, N, width) after each tap, the last block among them.

    The V-V stream adds up the V-V attention of the original one, without its start, and begins
    anew after each tap. The official code stores the original stream of a tap and then adds the
    next block's attention to it in place, so that its taps hold that too, but for the last one.
    """
    found: list[tuple[Tensor, Tensor]] = []
    path = torch.zeros_like(x)
    for number, block in enumerate(blocks):  # how many blocks are done
        added = value_attention(block, x)
        mixed = x + block.ls_1(self_attention(block, block.ln_1(x)))
        if number in taps:
            found.append((mixed, path))
            path = torch.zeros_like(x)
        path = path + added
        x = mixed + block.ls_2(block.mlp(block.ln_2(mixed)))
    return [*found, (x, path)]
