"""A training after an epoch, as plain tensors in one file, so that it goes on after a kill."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save
from torch import Tensor

from zsad_core.base.atomic import write_whole
from zsad_core.errors import WeightsError
from zsad_core.methods.learner import Examples
from zsad_core.types import Tensors


@dataclass(frozen=True)
class Fitted:
    """The trained tensors and how they came about; losses and Dice are those of the best epoch.

    `terms` holds the learner's loss terms (steps, …), before each step.
    """

    tensors: Tensors
    epoch: int
    steps: int
    loss: float
    validation_loss: float
    validation_dice: float
    terms: NDArray[np.float32]


@dataclass(frozen=True)
class State:
    """All that the further epochs of a training depend on; the epoch gives the order of images.

    `moments` are the optimiser's tensors of each learned tensor, `terms` all loss terms so far.
    `best` is None before the first epoch that is validated.
    """

    epoch: int
    tensors: Tensors
    moments: dict[str, Tensors]
    best: Fitted | None
    terms: NDArray[np.float32]


NUMBERS = ("epoch", "steps", "loss", "validation_loss", "validation_dice")


def state_of(
    epoch: int,
    tensors: Mapping[str, Tensor],
    optimiser: torch.optim.Optimizer,
    best: Fitted | None,
    terms: list[NDArray[np.float32]],
) -> State:
    """The state after an epoch."""
    moments = {name: arrays_of(optimiser.state.get(x, {})) for name, x in tensors.items()}
    return State(epoch, arrays_of(tensors), moments, best, np.array(terms))


def put(state: State, tensors: Mapping[str, Tensor], optimiser: torch.optim.Optimizer) -> None:
    """Set tensors and optimiser to what they were; raises WeightsError if they do not fit."""
    for name, value in tensors.items():
        stored = state.tensors.get(name)
        if stored is None or stored.shape != value.shape:
            raise WeightsError(
                f"The unfinished training does not fit: {name} is "
                f"{'missing' if stored is None else stored.shape}, expected {tuple(value.shape)}; "
                "delete its file to start afresh."
            )
        with torch.no_grad():
            value.copy_(torch.from_numpy(stored))
        optimiser.state[value] = {
            part: torch.tensor(array, device=value.device if array.ndim else "cpu")
            for part, array in state.moments[name].items()
        }


def write(state: State, path: Path, truth: str) -> None:
    """Keep a state; the file appears whole. `truth` names what is learned from.

    Raises StorageError.
    """
    tensors = {f"now/{name}": value for name, value in state.tensors.items()}
    if state.best is not None:
        tensors |= {f"best/{name}": value for name, value in state.best.tensors.items()}
    for name, moments in state.moments.items():
        tensors |= {f"{part}/{name}": value for part, value in moments.items()}
    numbers = state.best and {name: getattr(state.best, name) for name in NUMBERS}
    facts = {"epoch": str(state.epoch), "best": json.dumps(numbers), "truth": truth}
    write_whole(path, save({"terms": state.terms, **tensors}, facts))


def read(path: Path, truth: str) -> State | None:
    """The state kept in a file; None where there is none.

    Raises WeightsError for a damaged file, and where other images are learned from by now.
    """
    if not path.is_file():
        return None
    facts = _facts(path)
    if facts.get("truth") != truth:
        raise WeightsError(
            f"The unfinished training '{path}' learned from other images than are found now; "
            "bring those back, or delete the file to start afresh."
        )
    parts: dict[str, Tensors] = {}
    for key, value in load_file(path).items():
        part, _, name = key.partition("/")
        parts.setdefault(part, {})[name] = value
    terms, now, best = parts.pop("terms")[""], parts.pop("now"), parts.pop("best", {})
    numbers = json.loads(facts["best"])
    moments = {
        name: {part: tensors[name] for part, tensors in parts.items() if name in tensors}
        for name in now
    }
    fitted = Fitted(best, **numbers, terms=terms[: numbers["steps"]]) if numbers else None
    return State(int(facts["epoch"]), now, moments, fitted, terms)


def epochs_done(path: Path) -> int:
    """How many epochs a file has kept, 0 where there is none; raises WeightsError."""
    return int(_facts(path)["epoch"]) if path.is_file() else 0


def truth_of(examples: Examples) -> str:
    """Digest of masks and labels: other images or another order of them have other ones."""
    parts = [np.packbits(examples.masks).tobytes(), repr(examples.classes).encode()]
    if examples.labels is not None:
        parts.append(examples.labels.tobytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def arrays_of(tensors: Mapping[str, Tensor]) -> Tensors:
    """Copies on the CPU."""
    return {name: value.detach().cpu().numpy().copy() for name, value in tensors.items()}


def _facts(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, "numpy") as file:
            facts: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"The unfinished training '{path}' cannot be read ({error}); delete it to start afresh."
        ) from error
    if not {"epoch", "best", "truth"} <= set(facts):
        raise WeightsError(f"'{path}' is no unfinished training; move it elsewhere.")
    return facts
