"""MVFA's training: adapters inside the image tower, every step through it.

Loss as in the official zero-shot training (github.com/MediaBrain-SJTU/MVFA-AD a30bf7b): over the
taps, focal + Dice of the abnormal class from the seg heads, and from the det heads the binary
cross-entropy with logits of the mean probability over patches, which takes a probability for a
logit, as published. Differences: one optimiser for both heads, which also moves the seg heads where
an image has no drawn mask; batches, epochs and rate are the plan's (1 image, 50 epochs, 1e-4
there); the loss is computed at the side of the masks (240 there); the epoch kept is the best on
validation subjects, where the official training chooses by the test set itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zsad_core import prompt_sets
from zsad_core.methods.mvfa_adapters import HEADS, TAPS, bottlenecks, shapes
from zsad_core.methods.texts import TowerTexts
from zsad_core.training.examples import Encoder
from zsad_core.training.learner import Batch, Examples, Official, Outcome, Plan, Tensors
from zsad_core.training.losses import dice, focal
from zsad_core.types import FloatArray


@dataclass(frozen=True)
class Adapters:
    """Learns `seg_adapters.i.fc1.0.weight`, `….fc2.0.weight`, and of det the same."""

    encoder: Encoder

    plan: ClassVar[Plan] = Plan(
        epochs=6, batch=4, rate=2e-3, further=0.3, patience=3, unmasked=True
    )
    through_tower: ClassVar[bool] = True

    def text(self, class_name: str) -> FloatArray:
        """(K, E) float32: the method's shipped prompt set about this class."""
        method, tower = self.encoder.method, self.encoder.tower
        prompts = replace(prompt_sets.shipped()[method.prompts], class_name=class_name)
        encoder = TowerTexts(tower, self.encoder.recipe.activation)
        return method.texts(prompts, encoder, None, ()).astype(np.float32)

    def initial(self, seed: int, examples: Examples) -> Tensors:
        """Uniform within 1 / sqrt of the width read, as torch draws a Linear."""
        info = self.encoder.tower.info
        rng = np.random.default_rng([seed, info.width, info.embed_dim])
        return {
            name: (rng.uniform(-1, 1, shape) / shape[1] ** 0.5).astype(np.float32)
            for name, shape in shapes(info.embed_dim, info.width).items()
        }

    def outcome(self, tensors: Mapping[str, Tensor], batch: Batch) -> Outcome:
        """Focal and Dice of the seg head, cross-entropy of the det head for each tap, (L, 3)."""
        assert batch.text is not None  # `text` made it
        recipe, masks = self.encoder.recipe, batch.masks
        apart = 100 * (batch.text[..., 1, :] - batch.text[..., 0, :])[..., None]
        found = bottlenecks(self.encoder.tower, batch.tokens.numpy(), recipe, tensors)
        drawn = (masks.flatten(1).amax(dim=1) > 0) | (batch.labels == 0)
        maps, terms = [], []
        for seg, det in zip(found["seg"], found["det"], strict=True):
            square = _logits(seg, apart).reshape(-1, 1, recipe.grid, recipe.grid)
            size = masks.shape[1:]
            up = functional.interpolate(square, size, mode="bilinear", align_corners=True)
            maps.append(up[:, 0].sigmoid())
            mean = _logits(det, apart).sigmoid().mean(dim=1)  # (B,)
            entropy = functional.binary_cross_entropy_with_logits(mean, batch.labels)
            pixels = [loss(maps[-1][drawn], masks[drawn]) for loss in (focal, dice)]
            terms.append(torch.stack([*pixels, entropy]).nan_to_num())  # no mask drawn: no mean
        return Outcome(maps, torch.stack(terms))

    def official(self, tensors: Tensors) -> Official:
        """A dict of each head; the last fc2, which nothing reads, is zero."""
        info, last = self.encoder.tower.info, f"{TAPS - 1}.fc2.0.weight"
        found = {}
        for head in HEADS:
            group = f"{head}_adapters."
            found[group[:-1]] = {
                name.removeprefix(group): torch.from_numpy(value)
                for name, value in tensors.items()
                if name.startswith(group)
            } | {last: torch.zeros(info.width, info.embed_dim)}
        return found


def _logits(tokens: Tensor, apart: Tensor) -> Tensor:
    """(B, P) of tokens (B, 1+P, E), without the class token."""
    return (functional.normalize(tokens[:, 1:], dim=-1) @ apart)[..., 0]
