"""Blocks give what open_clip's own give."""

import open_clip
import pytest
import torch

from zsad_core.backbones.clip_internals import block_output

SIZES = {"image_size": 32, "layers": 1, "width": 128, "patch_size": 16}
TEXT = {"context_length": 8, "width": 64, "heads": 1, "layers": 1}


@pytest.mark.parametrize(
    "sizes",
    [{}, {"ls_init_value": 0.3}, {"qk_norm": True}],
    ids=lambda sizes: ", ".join(sizes) or "as CLIP",
)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_a_block_makes_of_tokens_what_open_clip_makes_of_them(sizes, masked, count):
    torch.manual_seed(0)
    model = open_clip.CLIP(32, SIZES | sizes, TEXT).eval()
    block = model.visual.transformer.resblocks[0]
    tokens = torch.randn(count, 7, 128, requires_grad=True)
    mask = torch.full((7, 7), -torch.inf).triu(1) if masked else None
    ours, expected = block_output(block, tokens, mask), block(tokens, attn_mask=mask)
    torch.testing.assert_close(ours, expected, atol=2e-6, rtol=1e-5)
    (gradient,) = torch.autograd.grad(ours.square().sum(), tokens)
    (expected_gradient,) = torch.autograd.grad(expected.square().sum(), tokens)
    torch.testing.assert_close(gradient, expected_gradient, atol=2e-5, rtol=1e-4)
