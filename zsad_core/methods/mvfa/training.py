"""MVFA's training: adapters inside the image tower; first fc1 alone, then all through the tower.

Loss as in the official zero-shot training (github.com/MediaBrain-SJTU/MVFA-AD a30bf7b): over the
taps, focal + Dice of the abnormal class from the seg heads, and from the det heads the binary
cross-entropy with logits of the mean probability over patches, which takes a probability for a
logit, as published. Differences: fc2 starts at zero and fc1 calm (see `initial`), and in a first
stage fc1 alone learns on the stream as each image had it at first, which passes the tower once (all
learn through the tower from the start there); one optimiser for both heads, which also moves the
seg heads where an image has no drawn mask; batches, epochs and rates are the plan's (1 image, 50
epochs, 1e-4 there); the loss is computed at the side of the masks (240 there); the epoch kept is
the best on validation subjects, where the official training chooses by the test set itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zsad_core.methods.checkpoints import by_group
from zsad_core.methods.grids import TAPS
from zsad_core.methods.learner import Batch, Examples, Learner, Official, StepResult, TrainingPlan
from zsad_core.methods.losses import as_map, dice, focal
from zsad_core.methods.mvfa.adapters import HEADS, bottlenecks, shapes, streams
from zsad_core.methods.probes import CALM, by_tap, covered, probe, seeing
from zsad_core.types import ByteArray, Tensors

SOME = 64  # images by which fc1 is calm


@dataclass(frozen=True)
class Adapters(Learner):
    """Learns `seg_adapters.i.fc1.0.weight`, `….fc2.0.weight`, and of det the same."""

    _first: dict[bytes, list[Tensor]] = field(default_factory=dict, repr=False, compare=False)

    plan = TrainingPlan(
        epochs=3, batch=4, rate=5e-4, first=20, first_rate=1e-4, further=0.3, unmasked=True
    )
    through_tower = True

    def initial(self, seed: int, examples: Examples) -> Tensors:
        """fc2 zero; fc1 as torch draws a Linear, uniform within 1 / sqrt of the width, and calm.

        What calms them is positive, along the mean token of some examples. Along the texts'
        difference, the seg heads start from a probe of the patches of these examples.
        """
        assert examples.text is not None  # `learns_text` is False
        info = self.encoder.tower.info
        rng = np.random.default_rng([seed, info.width, info.embed_dim])
        drawn = {
            name: (rng.uniform(-1, 1, shape) / shape[1] ** 0.5 * ("fc1" in name)).astype(np.float32)
            for name, shape in shapes(info.embed_dim, info.width).items()
        }
        apart = (examples.text[..., 1, :] - examples.text[..., 0, :]).reshape(-1, info.embed_dim)
        apart = apart.mean(axis=0)
        across = 1 - apart * apart.sum() / (apart @ apart)
        across /= np.linalg.norm(across)
        subset = slice(None, None, -(-len(examples.tokens) // SOME))
        abnormal = covered(examples.masks[subset], self.encoder.recipe.grid)
        tensors = self.encoder.tower.on_device(drawn)
        images = examples.tokens[subset].astype(np.uint8)
        read = by_tap(images, lambda few: self._streams(tensors, few))  # L x (N, 1+P, width)
        for tap, stream in enumerate(read):
            tokens = stream[:, 1:].flatten(0, 1)  # (N x P, width)
            mean = tokens.mean(dim=0).numpy()
            for head in HEADS:
                name = f"{head}_adapters.{tap}.fc1.0.weight"
                calm = 100 * np.std(tokens.numpy() @ (drawn[name].T @ apart)) / CALM
                drawn[name] += (calm * np.outer(across, mean) / (mean @ mean)).astype(np.float32)
            name = f"seg_adapters.{tap}.fc1.0.weight"
            drawn[name] = seeing(drawn[name], apart, tokens, probe(tokens, abnormal))
        return drawn

    def outcome(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """Focal and Dice of the seg head, cross-entropy of the det head for each tap, (L, 3)."""
        assert batch.text is not None  # `learns_text` is False
        masks = batch.masks
        apart = 100 * (batch.text[..., 1, :] - batch.text[..., 0, :])[..., None]
        read = (
            self._at_first(tensors, batch)
            if batch.first_stage
            else self._streams(tensors, batch.tokens.numpy())
        )
        by_head = [bottlenecks(read, head, tensors) for head in HEADS]
        maps, terms = [], []
        for seg, det in zip(*by_head, strict=True):
            maps.append(as_map(_logits(seg, apart), masks.shape[-1]).sigmoid())
            mean = _logits(det, apart).sigmoid().mean(dim=1)  # (B,)
            entropy = functional.binary_cross_entropy_with_logits(mean, batch.labels)
            pixels = [loss(maps[-1][batch.drawn], masks[batch.drawn]) for loss in (focal, dice)]
            terms.append(torch.stack([*pixels, entropy]).nan_to_num())  # no mask drawn: no mean
        return StepResult(maps, torch.stack(terms))

    def _streams(self, tensors: Mapping[str, Tensor], images: ByteArray) -> list[Tensor]:
        return streams(self.encoder.tower, images, self.encoder.recipe, tensors)

    def _at_first(self, tensors: Mapping[str, Tensor], batch: Batch) -> list[Tensor]:
        """The streams as each image had them when it was first seen, without gradient; float16."""
        names = [image.numpy().tobytes() for image in batch.tokens]
        with torch.no_grad():
            for index, name in enumerate(names):
                if name not in self._first:
                    image = batch.tokens[index : index + 1].numpy()
                    self._first[name] = [tap[0].half() for tap in self._streams(tensors, image)]
        rows = [self._first[name] for name in names]
        return [torch.stack(taps).float() for taps in zip(*rows, strict=True)]

    def official(self, tensors: Tensors) -> Official:
        """A dict of each head; the last fc2, which nothing reads, is zero."""
        info = self.encoder.tower.info
        unread = np.zeros((info.width, info.embed_dim), np.float32)
        last = {f"{head}_adapters.{TAPS - 1}.fc2.0.weight": unread for head in HEADS}
        return by_group(tensors | last)


def _logits(tokens: Tensor, apart: Tensor) -> Tensor:
    """(B, P) of tokens (B, 1+P, E), without the class token."""
    return (functional.normalize(tokens[:, 1:], dim=-1) @ apart)[..., 0]
