"""AA-CLIP's training: text adapters on the frozen image tower, then image adapters through it.

Losses as in the official training (github.com/Mwxinnn/AA-CLIP 53db195). First stage: patches of the
V-V path, normalised, plus the normalised class feature, against the adapted text; focal, Dice and
Dice of the inverse, and 0.1 x the squared cosine of the two texts. Second stage: the same over the
taps of the adapted tower against the text as it is by then, and the cross-entropy of the untempered
cosines of the detection feature.
Differences: the first stage sums over the taps and attends across tokens, as the paper has it,
where the official code keeps the last tap's loss and its V-V attention runs across the batch; both
stages share batch and optimiser, and the first has its plan's `first_rate` (batches of 16 and 2,
rates 1e-5 and 5e-4, 5 and 20 epochs there); nothing is rotated, shifted, flipped or recoloured;
all starts as `initial` says (Xavier's there); the taps' mean logit, which is the map, has the same
three losses; the rate stays (halved after 16,000 and 32,000 steps there); the loss is computed at
the side of the masks (518 there); the epoch kept is the best on validation by the map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from zsad_core.methods.aaclip.adapters import image_features, shapes, streams, text_features
from zsad_core.methods.aaclip.method import SOFT
from zsad_core.methods.checkpoints import by_group
from zsad_core.methods.learner import Batch, Examples, Learner, Official, StepResult, TrainingPlan
from zsad_core.methods.losses import as_map, dice, focal
from zsad_core.methods.probes import by_tap, covered, probe, seeing
from zsad_core.methods.texts import unit_mean
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import FloatArray, Tensors

NAMES = {"brain": "scan"}  # official names of classes
APART = 0.1  # weight of the texts' squared cosine
CLOSE = 0.2  # how far the texts of both sides are apart at first
PROBED = 96  # examples


@dataclass(frozen=True)
class BothAdapters(Learner):
    """Learns `text_adapter.…` first, then `image_adapter.…`."""

    plan = TrainingPlan(
        epochs=3, batch=4, rate=1e-3, further=0.3, first=1, first_rate=1e-4, patience=3
    )
    through_tower = learns_text = True

    def initial(self, seed: int, examples: Examples) -> Tensors:
        """Adapters as the identity, texts close, image projections from a probe of the patches.

        To the backbone's own text projection is added what all sentences have in common, along one
        direction, until the unit vectors of both sides are 0.2 apart. A probe of the patches of at
        most 96 examples at each tap says where the backbone's own image projection is to answer to
        the texts' difference.
        """
        info = self.encoder.tower.info
        image, text = self.encoder.tower.projections()
        tensors = {n: np.eye(*shape, dtype=np.float32) for n, shape in shapes(info).items()}
        tensors |= {name: np.array(image) for name in tensors if "_proj." in name}
        last = f"text_adapter.{info.text_blocks // 4}.fc.0.weight"
        tensors[last] = _closer(np.array(text), self._unprojected(tensors, examples.classes))
        learned = self.encoder.tower.on_device(tensors)
        with torch.no_grad():
            texts = [self._text(learned, name).cpu() for name in sorted(set(examples.classes))]
        apart = torch.stack([text[1] - text[0] for text in texts]).mean(dim=0).numpy()
        subset = slice(None, None, -(-len(examples.masks) // PROBED))
        abnormal = covered(examples.masks[subset], self.encoder.recipe.grid)
        tower, recipe = self.encoder.tower, self.encoder.recipe
        images = examples.tokens[subset].astype(np.uint8)
        for k, tap in enumerate(by_tap(images, lambda few: streams(tower, few, recipe, {}))):
            name, tokens = f"image_adapter.seg_proj.{k}.fc.weight", tap.flatten(0, 1)
            tensors[name] = seeing(tensors[name], apart, tokens, probe(tokens, abnormal))
        return tensors

    def outcome(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """The text's losses in the first stage, the image's in the second."""
        return (self._of_text if batch.first_stage else self._of_image)(tensors, batch)

    def official(self, tensors: Tensors) -> Official:
        """A dict of each side; the official code keeps them in two files."""
        return by_group(tensors)

    def _of_text(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        tower, recipe = self.encoder.tower, self.encoder.recipe
        images = batch.tokens.numpy()
        local, _ = tower.vv_taps(images, recipe)
        _, first = tower.taps(images, replace(recipe, taps=()))
        whole = functional.normalize(first.float(), dim=1)[:, None]
        patches = [functional.normalize(tap.float(), dim=2) + whole for tap in local]
        text = self._texts(tensors, batch)
        maps, terms = _pixels(patches, text, batch.masks)
        cosine = (text[:, 0] * text[:, 1]).sum(dim=1).mean()
        return StepResult(maps, torch.stack([*terms, APART * cosine.square()]))

    def _of_image(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        with torch.no_grad():
            text = self._texts(tensors, batch)
        tower, images = self.encoder.tower, batch.tokens.numpy()
        patches, whole = image_features(tower, images, self.encoder.recipe, tensors)
        maps, terms = _pixels(patches, text, batch.masks)
        cosines = (text @ whole[..., None])[..., 0]  # (B, K)
        terms.append(functional.cross_entropy(cosines, batch.labels.long()))
        return StepResult(maps, torch.stack(terms))

    @torch.no_grad()
    def _unprojected(self, tensors: Tensors, classes: Sequence[str]) -> list[list[FloatArray]]:
        """Of each class and side the sentences (N, text width) as the projection reads them."""
        tower, activation = self.encoder.tower, self.encoder.recipe.activation
        learned = tower.on_device(tensors)
        return [
            [
                text_features(tower, side, learned, activation, lambda x: x).cpu().numpy()
                for side in self._sentences(name)
            ]
            for name in sorted(set(classes))
        ]

    def _sentences(self, class_name: str) -> Sequence[Sequence[str]]:
        return prompt_sets.sentences(self.encoder.prompts(NAMES.get(class_name, class_name)))

    def _texts(self, tensors: Mapping[str, Tensor], batch: Batch) -> Tensor:
        """(B, K, E): unit vectors of each image's class."""
        texts = {name: self._text(tensors, name) for name in sorted(set(batch.classes))}
        return torch.stack([texts[name] for name in batch.classes])

    def _text(self, tensors: Mapping[str, Tensor], class_name: str) -> Tensor:
        sides = []
        activation = self.encoder.recipe.activation
        for texts in self._sentences(class_name):
            embeddings = text_features(self.encoder.tower, texts, tensors, activation)
            mean = functional.normalize(embeddings, dim=1).mean(dim=0)
            sides.append(functional.normalize(mean, dim=0))
        return torch.stack(sides)


def _closer(weight: FloatArray, classes: Sequence[Sequence[FloatArray]]) -> FloatArray:
    """A text projection (E, text width) under which both sides of the classes are `CLOSE`."""
    common = np.concatenate([side for sides in classes for side in sides]).mean(axis=0)
    added = np.outer(np.full(len(weight), len(weight) ** -0.5), common / (common @ common))

    def apart(matrix: FloatArray) -> float:
        projected = [[side @ matrix.T for side in sides] for sides in classes]
        sides = [[unit_mean(np.maximum(x, 0.01 * x)) for x in of_class] for of_class in projected]
        return float(np.mean([np.linalg.norm(a - n) for n, a in sides]))

    step = 0.25 * np.linalg.norm(weight @ common)
    while apart(weight) > CLOSE:
        weight = np.asarray(weight + step * added, np.float32)
    return weight


def _pixels(
    patches: list[Tensor], text: Tensor, masks: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """The map (B, M, M) of patches L x (B, P, E); three losses of each tap and of their mean."""
    apart = 100 * (text[:, 1] - text[:, 0])[..., None]  # (B, E, 1)
    logits = [as_map((tap @ apart)[..., 0], masks.shape[-1]) for tap in patches]
    mean, terms = torch.stack(logits).mean(dim=0), list[Tensor]()
    for logit in (*logits, mean):
        p = logit.sigmoid()
        terms += [focal(p, masks), dice(p, masks), dice(1 - p, 1 - masks)]
    return [torch.sigmoid(mean / SOFT)], terms
