"""What the training loop asks of the learned part of a method, and what it gives it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from torch import Tensor

from zsad_core.backbones.tensor_files import ordered
from zsad_core.base.atomic import write_whole
from zsad_core.methods.encoder import Encoder
from zsad_core.types import ByteArray, FloatArray, MaskArray, Tensors

Official = dict[str, Tensor] | dict[str, dict[str, Tensor]]
"""A published checkpoint: tensors by name, or such dicts by key."""


@dataclass(frozen=True)
class Examples:
    """Images after the tower, and the truth about them.

    tokens (N, L, P, width) float16 or float32, P a full square grid; masks (N, M, M), M the side
    at which the loss is computed; first (N, E) class features; text (K, E) unit vectors, normal and
    abnormal, or (N, K, E) with one pair per image, None where text is what is learned. Where the
    method learns inside the tower, tokens are the images, uint8 (N, S, S) or (N, S, S, 3) at the
    side of the recipe's input, and first is (N, 0).

    labels (N,) say which images are abnormal, None those whose mask is not empty: an abnormal image
    with an empty mask is one whose mask nobody drew. classes are the images' N class names.
    """

    tokens: NDArray[np.float16] | NDArray[np.float32] | ByteArray
    masks: MaskArray
    first: FloatArray
    text: FloatArray | None = None
    labels: MaskArray | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Some examples as float32 tensors on the device: `Examples` says their shapes.

    Images are left as they are, uint8 in the main memory: a tower takes `tokens.numpy()`.
    labels (B,) are 0 or 1. `first_stage` says that the batch belongs to the plan's first stage.
    """

    tokens: Tensor
    masks: Tensor
    first: Tensor
    text: Tensor | None
    labels: Tensor
    classes: tuple[str, ...] = ()
    first_stage: bool = False

    @property
    def drawn(self) -> Tensor:
        """(B,): all but the abnormal images whose mask nobody drew."""
        return (self.masks.flatten(1).amax(dim=1) > 0) | (self.labels == 0)


@dataclass(frozen=True)
class StepResult:
    """Per tap the abnormal probability (B, M, M), and loss terms, whose sum is the loss."""

    maps: list[Tensor]
    terms: Tensor


@dataclass(frozen=True)
class TrainingPlan:
    """How long and how fast to train.

    `patience` is in epochs without a better validation Dice; going on from a checkpoint, the rate
    is `further` times the rate. `first` epochs at `first_rate` come before the `epochs`: a first
    stage (`Batch.first_stage`), which is not validated. `decay` is the optimiser's
    weight decay. A tensor that gets no gradient in a step is not moved by it. `unmasked` takes in
    abnormal images whose mask nobody drew. `state_file` holds the state after each epoch that
    follows the first stage; the same training goes on from it.
    """

    epochs: int = 10
    batch: int = 16
    rate: float = 1e-3
    further: float = 1.0
    first: int = 0
    first_rate: float = 0.0
    seed: int = 0
    patience: int = 4
    shuffle: bool = True
    optimiser: Literal["adam", "adamw"] = "adam"
    betas: tuple[float, float] = (0.5, 0.999)
    decay: float = 0.0
    unmasked: bool = False
    state_file: Path | None = None


@dataclass(frozen=True)
class Learner(ABC):
    """The learned part of one method: where it starts, its loss, how long it takes.

    `through_tower` says that something is learned inside the image tower: then a batch holds
    images, and every step passes them through it. The image side may be in bfloat16 (the tower's
    precision), which is several times as fast; learned tensors, comparison and loss stay float32.
    `learns_text` says that the text is learned, or made with what is: then examples hold none.
    """

    encoder: Encoder

    plan: ClassVar[TrainingPlan]
    through_tower: ClassVar[bool] = False
    learns_text: ClassVar[bool] = False

    @abstractmethod
    def initial(self, seed: int, examples: Examples) -> Tensors:
        """Fresh tensors; examples may say on what scale."""

    @abstractmethod
    def outcome(self, tensors: Mapping[str, Tensor], batch: Batch) -> StepResult:
        """Maps and loss terms of a batch; gradients flow to the tensors."""

    @abstractmethod
    def official(self, tensors: Tensors) -> Official:
        """What the official checkpoint holds."""


def save(tensors: Tensors, facts: dict[str, str], path: Path) -> None:
    """Write tensors as float16 safetensors with facts as metadata; the file appears whole.

    Equal tensors and facts are equal bytes, and so have one digest. Raises StorageError.
    """
    halves = {name: value.astype(np.float16) for name, value in tensors.items()}
    write_whole(path, ordered(safetensors.numpy.save(halves, facts)))
