"""AdaCLIP's training: prompts in both towers and projections, every step through both.

Loss and optimiser as in the official training (github.com/caoyunkang/AdaCLIP e27ee32): focal loss
of the image's score without fusion, and over the taps focal + Dice + Dice of the inverse. The
official code takes the rows of a map for a batch, so Dice is the mean over rows. Differences:
epochs and rate are the plan's (5 epochs at 0.01 there); no mosaics (2 x 2 images of one class of
MVTec AD there, one time in five); the loss is computed at the side of the masks (518 there); the
epoch kept is the best on validation by Dice (by the F1 of pixels there); no half precision but the
published rounding of the prompts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zsad_core.methods.adaclip.hybrid_prompts import image_side, plain_features, shapes, text_side
from zsad_core.methods.adaclip.method import AdaClip, spaced_sentences
from zsad_core.methods.learner import Batch, Examples, Learner, Official, StepResult, TrainingPlan
from zsad_core.methods.losses import as_map, dice, focal
from zsad_core.methods.probes import CALM
from zsad_core.types import ByteArray, Tensors

BLOCKS, LENGTH, SPREAD = 4, 5, 0.02
SOME = 16  # images by which biases are calm


@dataclass(frozen=True)
class PromptsAndProjections(Learner):
    """Learns static prompts, heads of dynamic prompts and projections."""

    plan = TrainingPlan(epochs=5, batch=1, rate=3e-4, patience=5, optimiser="adamw", decay=0.01)
    through_tower = learns_text = True

    def initial(self, seed: int, examples: Examples) -> Tensors:
        """Prompts of standard deviation 0.02, layers as torch draws a Linear, calm biases."""
        info = self.encoder.tower.info
        rng = np.random.default_rng([seed, info.width, info.embed_dim])
        drawn = {}
        for name, shape in shapes(info.embed_dim, info.width, BLOCKS, LENGTH).items():
            if "static" in name:
                value = rng.normal(0, SPREAD, shape)
            else:
                into = info.width if name.startswith("patch_token_layer") else info.embed_dim
                value = rng.uniform(-1, 1, shape) / into**0.5
            drawn[name] = value.astype(np.float32)
        return self._calmed(drawn, examples, rng)

    @torch.no_grad()
    def _calmed(self, drawn: Tensors, examples: Examples, rng: np.random.Generator) -> Tensors:
        tensors = self.encoder.tower.on_device(drawn)
        subset = slice(None, None, max(len(examples.tokens) // SOME, 1))
        images = examples.tokens[subset].astype(np.uint8, copy=False)
        taps, whole, text = self._sides(tensors, images, examples.classes[subset])
        apart = (text[:, 1] - text[:, 0]).mean(dim=0)  # (E,)
        across = torch.from_numpy(rng.normal(size=len(apart))).to(apart)
        across -= across @ apart / (apart @ apart) * apart
        across /= across.norm()
        names = [f"patch_token_layer.head.{i}.bias" for i in range(len(taps))]
        for name, x in zip([*names, "cls_token_layer.head.0.bias"], [*taps, whole], strict=True):
            tensors[name] += 100 * (x @ apart).std() / CALM * across
        return {name: value.cpu().numpy() for name, value in tensors.items()}

    def outcome(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """Focal loss of the score, then of each tap focal, Dice, Dice of the inverse."""
        masks = batch.masks
        taps, whole, text = self._sides(tensors, batch.tokens.numpy(), batch.classes)
        apart = 100 * (text[:, 1] - text[:, 0])[..., None]  # (B, E, 1); a softmax of two
        score = (functional.normalize(whole, dim=-1)[:, None] @ apart)[:, 0, 0].sigmoid()
        terms, maps, truth = [focal(score, batch.labels)], [], masks[batch.drawn].flatten(0, 1)
        for tap in taps:
            logits = (functional.normalize(tap, dim=-1) @ apart)[..., 0]  # (B, P)
            maps.append(as_map(logits, masks.shape[-1]).sigmoid())
            p = maps[-1][batch.drawn].flatten(0, 1)  # rows of maps
            terms += [focal(p, truth), dice(p, truth), dice(1 - p, 1 - truth)]
        return StepResult(maps, torch.stack(terms).nan_to_num())  # no mask drawn: no mean

    def _sides(
        self, tensors: Mapping[str, Tensor], images: ByteArray, classes: Sequence[str]
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """Projected taps and class token, not normalised, and the text (B, K, E)."""
        tower, recipe = self.encoder.tower, self.encoder.recipe
        first = plain_features(tower, images, recipe).clone()
        pairs = zip(classes, first, strict=True)
        text = [self._text(class_name, token, tensors) for class_name, token in pairs]
        return *image_side(tower, images, recipe, tensors, first), torch.cat(text)

    def _text(self, class_name: str, first: Tensor, tensors: Mapping[str, Tensor]) -> Tensor:
        """(1, K, E) of the method's shipped prompt set about this class, for one image."""
        sides = spaced_sentences(self.encoder.prompts(class_name))
        tower, activation = self.encoder.tower, self.encoder.recipe.activation
        return text_side(tower, sides, tensors, activation, first[None])

    def official(self, tensors: Tensors) -> Official:
        """What is learned under the names of the whole model; the prompt nothing reads is zero."""
        unread = np.zeros((LENGTH, self.encoder.tower.info.embed_dim), np.float32)
        whole = {"text_prompter.static_prompts.0": unread, **tensors}
        return {
            f"{AdaClip.official}{name}": torch.from_numpy(value) for name, value in whole.items()
        }
