"""APRIL-GAN's training: one linear layer per tap, fitted on stored patch tokens.

The tower is frozen, so every image passes it once; what is trained then takes seconds. Loss and
optimiser follow the official training (focal + Dice over the taps, Adam 1e-3, betas 0.5, 0.999).
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zsad_core.errors import WeightsError
from zsad_core.training import losses
from zsad_core.types import FloatArray, MaskArray

Tensors = dict[str, NDArray[np.float32]]
Report = Callable[[int, int, float, float], None]
"""Called after each step as report(done, total, loss, seconds left); it may raise Cancelled."""

LEVELS = 256


@dataclass(frozen=True)
class Examples:
    """Images after the tower, and the truth about them.

    tokens (N, L, P, width) float16 or float32, P a full square grid; masks (N, M, M), M the side
    at which the loss is computed; text (K, E) unit vectors, normal and abnormal, or (N, K, E) with
    one pair per image.
    """

    tokens: NDArray[np.float16] | NDArray[np.float32]
    masks: MaskArray
    text: FloatArray


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train. `patience` is in epochs without a better validation Dice."""

    epochs: int = 10
    batch: int = 16
    rate: float = 1e-3
    seed: int = 0
    patience: int = 4
    shuffle: bool = True
    device: str = "cpu"


@dataclass(frozen=True)
class Fitted:
    """The trained tensors and how they came about; losses and Dice are those of the kept epoch.

    `terms` holds (steps, L, 2): focal and Dice loss of each tap, before the step.
    """

    tensors: Tensors
    epoch: int
    steps: int
    loss: float
    validation_loss: float
    validation_dice: float
    terms: NDArray[np.float32]


def fit(
    examples: Examples,
    plan: Plan,
    start: Tensors | None = None,
    validation: Examples | None = None,
    report: Report | None = None,
) -> Fitted:
    """Train `fc.i.weight` (E, width) and `fc.i.bias` (E,) of each tap i on stored tokens.

    The loss is computed at the side of the examples' masks. The official training uses the side
    of the tower's input; a smaller side is faster and blurs small lesions.

    Args:
        examples: what to train on.
        plan: epochs, batch, rate, seed; the same seed gives the same tensors on one machine.
        start: tensors to go on from; None draws them anew from the seed.
        validation: held-out images, by whose Dice the best epoch is kept; None keeps the last.
        report: told of every step.

    Raises WeightsError for a start that does not fit, ValueError without images or epochs.
    """
    layers = _parameters(start, examples, plan)
    optimiser = torch.optim.Adam(layers.values(), lr=plan.rate, betas=(0.5, 0.999))
    best: Fitted | None = None
    meter = _Meter(plan.epochs * -(-len(examples.masks) // plan.batch), report)
    with _one_thread():
        for epoch in range(1, plan.epochs + 1):
            for chosen in _batches(len(examples.masks), plan, epoch):
                terms = torch.stack(losses.tap_terms(layers, *_batch(examples, chosen, plan)))
                optimiser.zero_grad()
                terms.sum().backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                meter.step(terms)
            found = validate(layers, validation, plan) if validation else (math.nan, math.nan)
            if best is None or not validation or found[1] > best.validation_dice:
                best = meter.fitted(layers, epoch, found)
            if epoch - best.epoch >= plan.patience:
                break
    if best is None or not best.steps:
        raise ValueError(f"{len(examples.masks)} images, {plan.epochs} epochs: nothing to train")
    return best


@contextmanager
def _one_thread() -> Iterator[None]:
    """On a busy machine threads wait for each other; pieces this small go ten times as fast so."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def initial(taps: int, width: int, embed: int, seed: int) -> Tensors:
    """Fresh layers, uniform within 1 / sqrt(width), as torch draws a Linear."""
    rng, bound = np.random.default_rng([seed, width, embed]), width**-0.5
    drawn = {}
    for i in range(taps):
        drawn[f"fc.{i}.weight"] = rng.uniform(-bound, bound, (embed, width)).astype(np.float32)
        drawn[f"fc.{i}.bias"] = rng.uniform(-bound, bound, embed).astype(np.float32)
    return drawn


@torch.no_grad()
def validate(layers: dict[str, Tensor], examples: Examples, plan: Plan) -> tuple[float, float]:
    """Mean loss, and the Dice of all pixels together at the best of 256 thresholds, 0 … 1."""
    counts, total = np.zeros((2, LEVELS)), 0.0
    for start in range(0, len(examples.masks), plan.batch):
        chosen = np.arange(start, min(start + plan.batch, len(examples.masks)))
        tokens, masks, text = _batch(examples, chosen, plan)
        maps = losses.probabilities(layers, tokens, text, masks.shape[-1])
        total += sum(float(losses.focal(p, masks) + losses.dice(p, masks)) for p in maps) * len(
            masks
        )
        mean = torch.stack(maps).mean(dim=0)  # (B, M, M)
        levels = (mean * (LEVELS - 1)).round().long().cpu().numpy()
        for truth in (0, 1):
            counts[truth] += np.bincount(levels[examples.masks[chosen] == truth], minlength=LEVELS)
    above = counts[:, ::-1].cumsum(axis=1)  # pixels at or above a level, from the top level down
    dices = 2 * above[1] / np.maximum(above.sum(axis=0) + counts[1].sum(), 1)
    return total / len(examples.masks), float(dices.max())


class _Meter:
    """Counts steps, remembers the loss terms and the time."""

    def __init__(self, total: int, report: Report | None) -> None:
        self._total, self._report, self._began = total, report, time.monotonic()
        self._terms: list[NDArray[np.float32]] = []

    def step(self, terms: Tensor) -> None:
        self._terms.append(terms.detach().cpu().numpy())
        done = len(self._terms)
        if self._report:
            left = (time.monotonic() - self._began) / done * (self._total - done)
            self._report(done, self._total, float(self._terms[-1].sum()), left)

    def fitted(self, layers: dict[str, Tensor], epoch: int, found: tuple[float, float]) -> Fitted:
        last = self._terms[-(len(self._terms) // epoch) :]
        loss = float(np.sum(last) / max(len(last), 1))
        tensors = {name: value.detach().cpu().numpy().copy() for name, value in layers.items()}
        return Fitted(tensors, epoch, len(self._terms), loss, *found, np.array(self._terms))


def _parameters(start: Tensors | None, examples: Examples, plan: Plan) -> dict[str, Tensor]:
    taps, width, embed = *examples.tokens.shape[1::2], examples.text.shape[-1]
    wanted = initial(taps, width, embed, plan.seed)
    begin = wanted if start is None else start
    shapes = {name: value.shape for name, value in begin.items()}
    if shapes != {name: value.shape for name, value in wanted.items()}:
        raise WeightsError(
            f"The checkpoint to start from does not hold {taps} layers of {embed} x {width}; "
            "choose one that was trained on the same backbone."
        )
    return {
        name: torch.tensor(begin[name], dtype=torch.float32, device=plan.device).requires_grad_()
        for name in wanted
    }


def _batches(count: int, plan: Plan, epoch: int) -> list[NDArray[np.int64]]:
    order = np.arange(count)
    if plan.shuffle:
        np.random.default_rng([plan.seed, epoch]).shuffle(order)
    return [order[start : start + plan.batch] for start in range(0, count, plan.batch)]


def _batch(examples: Examples, chosen: NDArray[np.int64], plan: Plan) -> list[Tensor]:
    text = examples.text[chosen] if examples.text.ndim == 3 else examples.text
    arrays = (examples.tokens[chosen], examples.masks[chosen], text)
    return [torch.tensor(array, device=plan.device).float() for array in arrays]
