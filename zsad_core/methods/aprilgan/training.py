"""APRIL-GAN's training: one linear layer per tap, focal and Dice loss over the taps.

Loss and optimiser follow the official training (github.com/ByChelsea/VAND-APRIL-GAN f13b8a6).
Differences: the first bias (see `initial`), epochs and the rate of going on are the plan's, the
best epoch on validation is kept, the loss is computed at the side of the masks, tokens are float16,
and nothing is put together as mosaics.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zsad_core.methods.learner import Batch, Examples, Learner, Official, StepResult, TrainingPlan
from zsad_core.methods.losses import as_map, dice, focal
from zsad_core.methods.probes import CALM
from zsad_core.types import Tensors


@dataclass(frozen=True)
class LinearLayers(Learner):
    """Learns `fc.i.weight` (E, width) and `fc.i.bias` (E,) of each tap i."""

    plan = TrainingPlan(epochs=14, batch=8, further=0.3, patience=8)

    def initial(self, seed: int, examples: Examples) -> Tensors:
        """Layers uniform within 1 / sqrt(width), as torch draws a Linear, and a calm bias."""
        assert examples.text is not None  # `learns_text` is False
        width, embed = examples.tokens.shape[-1], examples.text.shape[-1]
        rng, bound = np.random.default_rng([seed, width, embed]), width**-0.5
        apart = examples.text[..., 1, :] - examples.text[..., 0, :]
        apart = apart.reshape(-1, embed).mean(axis=0)
        across = rng.normal(size=embed)
        across -= across @ apart / (apart @ apart) * apart
        drawn = {}
        for i in range(examples.tokens.shape[1]):
            weight, bias = (rng.uniform(-bound, bound, s) for s in ((embed, width), embed))
            subset = examples.tokens[::8, i].astype(np.float32)  # (N / 8, P, width)
            calm = 100 * np.std(subset @ (weight.T @ apart)) / CALM
            bias += calm * across / np.linalg.norm(across)
            drawn[f"fc.{i}.weight"] = weight.astype(np.float32)
            drawn[f"fc.{i}.bias"] = bias.astype(np.float32)
        return drawn

    def outcome(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """Focal and Dice loss of each tap, (L, 2)."""
        assert batch.text is not None  # `learns_text` is False
        maps = probabilities(tensors, batch.tokens, batch.text, batch.masks.shape[-1])
        terms = [torch.stack([focal(p, batch.masks), dice(p, batch.masks)]) for p in maps]
        return StepResult(maps, torch.stack(terms))

    def official(self, tensors: Tensors) -> Official:
        """The layers under the key of the official checkpoint."""
        layers = {name: torch.from_numpy(value) for name, value in tensors.items()}
        return {self.encoder.method.official.removesuffix("."): layers}


def probabilities(
    layers: Mapping[str, Tensor], tokens: Tensor, text: Tensor, side: int
) -> list[Tensor]:
    """Per tap the abnormal probability (B, side, side): softmax of the upsampled 100 z T.

    Of two classes the softmax is the sigmoid of the difference, and upsampling (bilinear, corners
    aligned) is linear, so one image of differences is upsampled instead of two of logits. From
    fc.i.weight and fc.i.bias, tokens (B, L, P, width), and text (2, E) or (B, 2, E), unit vectors,
    normal and abnormal.
    """
    difference = (text[..., 1, :] - text[..., 0, :])[..., None]  # (E, 1) or (B, E, 1)
    maps = []
    for i in range(tokens.shape[1]):
        z = functional.linear(tokens[:, i], layers[f"fc.{i}.weight"], layers[f"fc.{i}.bias"])
        logit = 100 * (z @ difference)[..., 0] / z.norm(dim=-1)  # (B, P)
        maps.append(as_map(logit, side).sigmoid())
    return maps
