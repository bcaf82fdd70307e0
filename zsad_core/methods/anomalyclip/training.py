"""AnomalyCLIP's training: prompt vectors, through the text tower alone.

Loss and optimiser follow the official training (github.com/zqhang/AnomalyCLIP 45ed4dd): four times
focal + Dice + Dice of the inverse, over the taps, and the cross-entropy of the whole image.
Differences: epochs are the plan's (15 there), the best epoch on validation is kept, the loss is
computed at the side of the masks (518 there), and image features are float16.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zsad_core.methods.aligned import TEMPERATURE
from zsad_core.methods.anomalyclip.method import (
    CONTEXT,
    DEEP,
    PUBLISHED_TEXTS,
    SIDES,
    text_features,
)
from zsad_core.methods.learner import Batch, Examples, Learner, Official, StepResult, TrainingPlan
from zsad_core.methods.losses import as_map, dice, focal
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import Tensors

DEEP_WORDS, SPREAD = 4, 0.02
WEIGHT = 4  # of the pixel terms against the image term
UNUSED = 896  # rows of projections that official files hold and nothing reads


@dataclass(frozen=True)
class PromptVectors(Learner):
    """Learns `ctx_pos`, `ctx_neg` and `compound_prompts_text.i`."""

    plan = TrainingPlan(epochs=30, batch=8, rate=1e-3, patience=10)
    learns_text = True

    def initial(self, seed: int, examples: Examples) -> Tensors:
        """Vectors drawn with a standard deviation of 0.02, before the blocks 2 … 3t/4 of t."""
        info = self.encoder.tower.info
        rng = np.random.default_rng([seed, info.text_width])
        shapes: dict[str, tuple[int, ...]] = {
            f"ctx_{side}": (1, 1, CONTEXT, info.text_width) for side in SIDES
        }
        for i in range(-(-3 * info.text_blocks // 4) - 1):
            shapes[f"{DEEP}{i}"] = (DEEP_WORDS, info.text_width)
        return {n: rng.normal(0, SPREAD, shape).astype(np.float32) for n, shape in shapes.items()}

    def outcome(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """Cross-entropy of the images, then 4 x focal, Dice, Dice of the inverse for each tap."""
        tower, activation = self.encoder.tower, self.encoder.recipe.activation
        sides = prompt_sets.sentences(prompt_sets.shipped()[self.encoder.method.prompts])
        text = functional.normalize(text_features(tower, sides, tensors, activation), dim=1)
        masks = batch.masks
        logits = functional.normalize(batch.first, dim=1) @ text.T / TEMPERATURE  # (B, K)
        terms = [functional.cross_entropy(logits, batch.labels.long())]
        cosine = functional.normalize(batch.tokens, dim=3) @ (text[1] - text[0])  # (B, L, P)
        by_tap = (cosine / TEMPERATURE).sigmoid().unbind(dim=1)
        maps = [as_map(tap, masks.shape[-1], align_corners=False) for tap in by_tap]
        for p in maps:
            terms += [WEIGHT * v for v in (focal(p, masks), dice(p, masks), dice(1 - p, 1 - masks))]
        return StepResult(maps, torch.stack(terms))

    def official(self, tensors: Tensors) -> Official:
        """All that an official checkpoint holds: with words, token ids and unused projections."""
        state = {name: torch.from_numpy(value) for name, value in tensors.items()}
        for side, text in PUBLISHED_TEXTS.items():
            count = state[f"ctx_{side}"].shape[2]
            tokens, words = (x.cpu() for x in self.encoder.tower.words(["X " * count + text]))
            state[f"token_prefix_{side}"] = words[None, :, :1].clone()
            state[f"token_suffix_{side}"] = words[None, :, 1 + count :].clone()
            state[f"tokenized_prompts_{side}"] = tokens[None].int()
        for i in range(sum(name.startswith(DEEP) for name in tensors)):
            name = f"compound_prompt_projections.{i}"
            state[f"{name}.weight"] = torch.zeros(UNUSED, self.encoder.tower.info.text_width)
            state[f"{name}.bias"] = torch.zeros(UNUSED)
        return {"prompt_learner": state}
