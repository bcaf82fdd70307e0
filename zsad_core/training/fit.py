"""The training loop: the learned part of a method, fitted on stored patch tokens or on images.

Where the image tower is frozen, every image passes it once, before; where something is learned
inside it, every step passes its images through it.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zsad_core.errors import WeightsError
from zsad_core.methods.learner import Batch, Examples, Learner, TrainingPlan
from zsad_core.metrics.ranking import best_dice, rank
from zsad_core.training import states
from zsad_core.training.states import Fitted
from zsad_core.types import FloatArray, Learned, MaskArray, Tensors

Report = Callable[[int, int, float, float], None]
"""Called after each step as report(done, total, loss, seconds left); it may raise Cancelled."""

OPTIMISERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def fit(
    learner: Learner,
    examples: tuple[Examples, Examples | None],
    plan: TrainingPlan,
    start: Learned = None,
    report: Report | None = None,
) -> Fitted:
    """Train a learner's tensors on stored tokens, or on images through the tower.

    The loss is computed at the side of the examples' masks. The official trainings use the side
    of the tower's input; a smaller side is faster and blurs small lesions. `examples` are what to
    train on, and held-out images, by whose Dice the best epoch is kept (None keeps the last). The
    same seed gives the same tensors on one machine, drawn anew without a `start` to go on from.
    Every step and every batch of validation takes a turn on the encoder's device.
    Raises WeightsError for a start that does not fit, ValueError without images or epochs.
    """
    train, held_out = examples
    encoder = learner.encoder
    with encoder.turn():
        tensors = _parameters(learner.initial(plan.seed, train), start, encoder.tower.device)
    share, total = 1.0 if start is None else plan.further, plan.first + plan.epochs
    optimiser = OPTIMISERS[plan.optimiser](
        tensors.values(), lr=plan.rate, betas=plan.betas, weight_decay=plan.decay
    )
    truth = states.truth_of(train)
    state = states.read(plan.state_file, truth) if plan.state_file else None
    best, first, terms = (state.best, state.epoch + 1, [*state.terms]) if state else (None, 1, [])
    if state:
        states.put(state, tensors, optimiser)
    before, began, steps = len(terms), time.monotonic(), total * -(-len(train.masks) // plan.batch)
    for epoch in range(first, total + 1):
        if best is not None and epoch - 1 - best.epoch >= plan.patience:
            break
        early = epoch <= plan.first
        optimiser.param_groups[0]["lr"] = share * (plan.first_rate if early else plan.rate)
        for chosen in _batches(len(train.masks), plan, epoch):
            with encoder.turn(), _threads(learner):
                batch = _batch(train, chosen, encoder.tower.device, early)
                losses = learner.outcome(tensors, batch).terms
                optimiser.zero_grad()
                losses.sum().backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            terms.append(losses.detach().cpu().numpy())
            if report:
                done, pace = len(terms), (time.monotonic() - began) / (len(terms) - before)
                report(done, steps, float(terms[-1].sum()), pace * (steps - done))
        validation = (math.nan, math.nan)
        if held_out and not early:
            validation = validate(learner, tensors, held_out, plan)
        if not early and (best is None or not held_out or validation[1] > best.validation_dice):
            last = terms[-(len(terms) // epoch) :]
            loss = float(np.sum(last) / max(len(last), 1))
            arrays = states.arrays_of(tensors)
            best = Fitted(arrays, epoch, len(terms), loss, *validation, np.array(terms))
        if plan.state_file:
            state = states.state_of(epoch, tensors, optimiser, best, terms)
            states.write(state, plan.state_file, truth)
    if best is None or not best.steps:
        raise ValueError(f"{len(train.masks)} images, {plan.epochs} epochs: nothing to train")
    return best


@contextmanager
def _threads(learner: Learner) -> Iterator[None]:
    """One for pieces as small as stored tokens: on a busy machine threads wait for each other.

    Ten times as fast there. Only while the device is held: others work with all.
    """
    if learner.through_tower:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def validate(
    learner: Learner, tensors: Mapping[str, Tensor], examples: Examples, plan: TrainingPlan
) -> tuple[float, float]:
    """Mean loss, and the best Dice of all pixels together over all thresholds.

    The Dice is `metrics.ranking.best_dice` of the mean over taps of the learner's maps, at the
    side of the masks; NaN where no image has a lesion. Abnormal images whose mask nobody drew count
    in the loss alone.
    """
    values, masks, total = list[FloatArray](), list[MaskArray](), 0.0
    for start in range(0, len(examples.masks), plan.batch):
        chosen = np.arange(start, min(start + plan.batch, len(examples.masks)))
        batch = _batch(examples, chosen, learner.encoder.tower.device)
        with learner.encoder.turn(), _threads(learner):
            result = learner.outcome(tensors, batch)
        total += float(result.terms.sum()) * len(chosen)
        drawn = batch.drawn.cpu().numpy()
        values.append(torch.stack(result.maps).mean(dim=0).cpu().numpy()[drawn])  # (B, M, M)
        masks.append(examples.masks[chosen][drawn])
    every, truth = np.concatenate(values), np.concatenate(masks)
    return total / len(examples.masks), best_dice(rank(every[~truth], every[truth]))


def _parameters(fresh: Tensors, start: Learned, device: str) -> dict[str, Tensor]:
    begin: Mapping[str, FloatArray] = fresh if start is None else start
    for name, value in fresh.items():
        given = begin[name].shape if name in begin else "missing"
        if given != value.shape:
            raise WeightsError(
                f"The checkpoint to start from does not fit: {name} is {given}, expected "
                f"{value.shape}; choose one that was trained on the same backbone."
            )
    return {
        name: torch.tensor(begin[name], dtype=torch.float32, device=device).requires_grad_()
        for name in fresh
    }


def _batches(count: int, plan: TrainingPlan, epoch: int) -> list[NDArray[np.int64]]:
    order = np.arange(count)
    if plan.shuffle:
        np.random.default_rng([plan.seed, epoch]).shuffle(order)
    return [order[start : start + plan.batch] for start in range(0, count, plan.batch)]


def _batch(
    examples: Examples, chosen: NDArray[np.int64], device: str, first_stage: bool = False
) -> Batch:
    def tensor(array: NDArray[np.generic]) -> Tensor:
        return torch.tensor(array, device=device).float()

    tokens, masks, text = examples.tokens[chosen], examples.masks[chosen], examples.text
    if text is not None:
        text = text[chosen] if text.ndim == 3 else text
    labels = np.any(masks, axis=(1, 2)) if examples.labels is None else examples.labels[chosen]
    return Batch(
        torch.from_numpy(tokens) if tokens.dtype == np.uint8 else tensor(tokens),
        tensor(masks),
        tensor(examples.first[chosen]),
        None if text is None else tensor(text),
        tensor(labels),
        tuple(examples.classes[i] for i in chosen) if examples.classes else (),
        first_stage,
    )
