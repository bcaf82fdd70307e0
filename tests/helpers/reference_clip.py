"""A CLIP of seeded weights in plain tensor operations, to hold the methods' walks against."""

import torch
from torch.nn import functional

from tests.helpers.weights import recipe

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class ReferenceClip:
    """Exact GELU, heads of 64, native image size; names of the tensors as OpenAI's."""

    def __init__(self, sizes):
        state = recipe("recipe_clip_random").clip_state(sizes)
        self.state = {name: torch.tensor(value) for name, value in state.items()}
        self.sizes = sizes

    def norm(self, x, name):
        width = (x.shape[-1],)
        return functional.layer_norm(
            x, width, self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        )

    def embedded(self, images):
        """Tokens after `ln_pre` of grey images (B, S, S) uint8."""
        pixels = torch.from_numpy(images).float()[:, None].expand(-1, 3, -1, -1) / 255
        pixels = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
        patches = functional.conv2d(
            pixels, self.state["visual.conv1.weight"], stride=self.sizes["patch"]
        )
        patches = patches.flatten(2).transpose(1, 2)
        first = self.state["visual.class_embedding"].expand(len(images), 1, -1)
        x = torch.cat([first, patches], dim=1) + self.state["visual.positional_embedding"]
        return self.norm(x, "visual.ln_pre")

    def attention(self, x, block, values_only=False, causal=False):
        """What a block's attention adds to x; V-V attention if values only."""
        name = f"{block}.attn"
        hidden = self.norm(x, f"{block}.ln_1")
        qkv = hidden @ self.state[f"{name}.in_proj_weight"].T + self.state[f"{name}.in_proj_bias"]
        q, k, v = qkv.unflatten(2, (3, -1, 64)).permute(2, 0, 3, 1, 4)  # (B, heads, N, 64)
        weights = (v if values_only else q) @ (v if values_only else k).transpose(2, 3) / 8
        if causal:
            weights = weights + torch.full(weights.shape[2:], -torch.inf).triu(1)
        mixed = (weights.softmax(dim=3) @ v).transpose(1, 2).flatten(2)
        return mixed @ self.state[f"{name}.out_proj.weight"].T + self.state[f"{name}.out_proj.bias"]

    def feed_forward(self, x, block):
        """What a block's second half adds to x."""
        first, second = (
            (self.state[f"{block}.mlp.{n}.weight"], self.state[f"{block}.mlp.{n}.bias"])
            for n in ("c_fc", "c_proj")
        )
        hidden = functional.gelu(functional.linear(self.norm(x, f"{block}.ln_2"), *first))
        return functional.linear(hidden, *second)

    def block(self, x, block, causal=False):
        x = x + self.attention(x, block, causal=causal)
        return x + self.feed_forward(x, block)


def visual(number):
    """Name of a visual block, counted from 0."""
    return f"visual.transformer.resblocks.{number}"


def text(number):
    """Name of a text block, counted from 0."""
    return f"transformer.resblocks.{number}"
