"""Passes through an open_clip model that its own `forward` does not offer."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from zsad_core.errors import WeightsError

if TYPE_CHECKING:  # it takes seconds to import, and no page needs it before a tower is read
    import open_clip
    from open_clip.transformer import ResidualAttentionBlock, TextTransformer

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=nn.Module)
around_pass: ContextVar[Callable[[], AbstractContextManager[object]]] = ContextVar(
    "around_pass", default=nullcontext
)
"""Makes the context in which this thread runs each pass through a block, to measure its time."""
written_out: ContextVar[bool] = ContextVar("written_out", default=False)
"""Whether this thread computes all attention weights, as official codes do.

It takes 1.3 (ViT-L at 518 px) to 1.7 times as long (demo, 42 x 42).
"""
BlockHook = Callable[[int, Tensor], Tensor]
"""Called as step(number, tokens) ahead of or after each block, counted from 1; returns tokens."""


def block_pass(function: Callable[P, R]) -> Callable[P, R]:
    """The function within the context of `around_pass`."""

    @functools.wraps(function)
    def within_context(*args: P.args, **kwargs: P.kwargs) -> R:
        with around_pass.get()():
            return function(*args, **kwargs)

    return within_context


def set_activation(transformer: open_clip.transformer.Transformer, activation: str) -> None:
    """Exact or quick GELU in every block."""
    import open_clip

    quick = open_clip.transformer.QuickGELU
    activation_class = quick if activation == "quick_gelu" else nn.GELU
    for block in transformer.resblocks:
        if not isinstance(block.mlp.gelu, activation_class):
            block.mlp.gelu = activation_class()


def text_side(model: open_clip.CLIP) -> TextTransformer:
    """The module with the token table, the text blocks and the projection; raises WeightsError."""
    text = getattr(model, "text", model)
    if not hasattr(text, "token_embedding"):
        raise WeightsError(
            f"The text tower is a {type(text).__name__}, and learned prompts need open_clip's own; "
            "choose a model such as ViT-B-16."
        )
    return text


def reads_end_of_text(text: nn.Module) -> bool:
    """Whether the text feature is read at the end-of-text token, and later tokens are masked."""
    pool = getattr(text, "text_pool_type", getattr(text, "pool_type", ""))
    causal = getattr(text, "attn_mask", None) is not None
    return pool == "argmax" and causal and getattr(text, "cls_emb", None) is None


def walk_text(
    text: TextTransformer,
    tokens: Tensor,
    words: Tensor,
    before: BlockHook,
    project: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Text features (N, E), after `ln_final` at the end-of-text token and `text_projection`.

    tokens (N, T) show where each text ends, words (N, T, width) are the embeddings without
    positions, `before` may make N rows of them. A causal tower reads up to the longest text.
    `project` replaces `text_projection`. Gradients flow through. Words in another type than the
    tower's are read by copies of its parts in their type.
    """
    ends, mask = tokens.argmax(dim=1), text.attn_mask
    length = words.shape[1] if mask is None else int(ends.max()) + 1
    x = words[:, :length] + text.positional_embedding[:length]
    mask = None if mask is None else mask[:length, :length].to(x.dtype)
    for number, block in enumerate(text.transformer.resblocks, 1):
        x = block_output(_in_type(block, x.dtype), before(number, x), mask)
    last = _in_type(text.ln_final, x.dtype)(x[torch.arange(len(x)), ends])
    project = project or text.text_projection
    if isinstance(project, Tensor):
        return last @ project.to(x.dtype)
    return (_in_type(project, x.dtype) if isinstance(project, nn.Module) else project)(last)


def _in_type(module: M, dtype: torch.dtype) -> M:
    """The module, or a copy whose parameters have the type."""
    parameter = next(module.parameters())
    return module if parameter.dtype == dtype else copy.deepcopy(module).to(dtype)


@block_pass
def block_output(block: ResidualAttentionBlock, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """The output (B, N, width) of a block for its tokens; gradients flow through."""
    if not isinstance(block.attn, nn.MultiheadAttention):  # a model with attention of its own
        return block(x, attn_mask=mask)
    stream = x + block.ls_1(self_attention(block, block.ln_1(x), mask))
    return stream + block.ls_2(block.mlp(block.ln_2(stream)))


@block_pass
def block_output_at(block: ResidualAttentionBlock, x: Tensor, output_mask: Tensor | None) -> Tensor:
    """`block_output` at the tokens of a mask (B, N) alone; None stands for all.

    They attend to all tokens, so their output is the same. Meant for the last block, of which the
    other tokens are never read. Custom attention, and attention written out, compute all.
    """
    custom = not isinstance(block.attn, nn.MultiheadAttention)
    if output_mask is None or custom or written_out.get():
        return block_output(block, x)
    count = int(output_mask.sum(dim=1).max())
    index = output_mask.int().argsort(dim=1, descending=True, stable=True)[:, :count, None]
    index = index.expand(-1, -1, x.shape[2])
    normalised = block.ln_1(x)
    weight, bias, width = block.attn.in_proj_weight, block.attn.in_proj_bias, x.shape[2]
    q = functional.linear(normalised.gather(1, index), weight[:width], bias[:width])
    k, v = functional.linear(normalised, weight[width:], bias[width:]).chunk(2, dim=2)
    stream = x.gather(1, index) + block.ls_1(_attention(block, q, k, v))
    return x.scatter(1, index, stream + block.ls_2(block.mlp(block.ln_2(stream))))


def self_attention(block: ResidualAttentionBlock, x: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention of a block's normalised tokens (B, N, width), before the residual.

    `block.attention` gives the same, but transposes its input first and computes q, k and v slice
    by slice: with two slices a block took 1.2 (float32) to 5 times (bfloat16) as long. It is used
    only where attention is `written_out`, by torch's fast path.
    """
    if written_out.get():
        return block.attention(q_x=x, attn_mask=mask)
    joined = functional.linear(x, block.attn.in_proj_weight, block.attn.in_proj_bias)
    q, k, v = joined.chunk(3, dim=2)
    return _attention(block, q, k, v, mask)


@block_pass
def value_attention(block: ResidualAttentionBlock, x: Tensor) -> Tensor:
    """V-V attention of a block: softmax(v v^T / sqrt(64)) v with the block's own weights.

    x (B, N, width) is the block's own input; it is not changed.
    """
    width = x.shape[2]
    weight, bias = block.attn.in_proj_weight[-width:], block.attn.in_proj_bias[-width:]
    v = functional.linear(block.ln_1(x), weight, bias)
    return _attention(block, v, v, v)


def _attention(
    block: ResidualAttentionBlock, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Attention (B, M, width) of q (B, M, width) to keys k and values v (B, N, width)."""
    heads = block.attn.num_heads
    q, k, v = (x.reshape(*x.shape[:2], heads, -1).transpose(1, 2) for x in (q, k, v))
    mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return block.attn.out_proj(mixed.transpose(1, 2).flatten(2))


@block_pass
def two_streams(
    blocks: Sequence[ResidualAttentionBlock], x: Tensor, taps: Sequence[int]
) -> list[tuple[Tensor, Tensor]]:
    """CLIP-AD's original and V-V streams (B, N, width) after each tap, the last block included.

    The V-V stream sums the V-V attention of the original stream, without its input, and restarts
    after each tap. The official code stores the original stream of a tap and then adds the next
    block's attention to it in place, so that all its taps but the last contain that too.
    """
    streams: list[tuple[Tensor, Tensor]] = []
    vv = torch.zeros_like(x)
    for number, block in enumerate(blocks):  # how many blocks are done
        vv_attention = value_attention(block, x)
        middle = x + block.ls_1(self_attention(block, block.ln_1(x)))
        if number in taps:
            streams.append((middle, vv))
            vv = torch.zeros_like(x)
        vv = vv + vv_attention
        x = middle + block.ls_2(block.mlp(block.ln_2(middle)))
    return [*streams, (x, vv)]
