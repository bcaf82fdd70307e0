"""What a method is, with what holds of most of them; see `docs/adding_a_method.md` to add one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from zsad_core.backbones import TowerInfo
from zsad_core.backbones.lazy import torch
from zsad_core.errors import WeightsError
from zsad_core.methods.aligned import Aligned, joined, on_device
from zsad_core.methods.grids import SliceTensors, retained_features, tap_parts
from zsad_core.methods.memory import views
from zsad_core.methods.setup import Published, Setup
from zsad_core.methods.texts import TextEncoder, unit_mean
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import (
    ByteArray,
    Cubes,
    FloatArray,
    Learned,
    MaskArray,
    Plane,
    PromptSet,
    Recipe,
    SliceFeatures,
)

if TYPE_CHECKING:
    from torch import Tensor

    from zsad_core.backbones.tower import Tower
    from zsad_core.methods.encoder import Encoder
    from zsad_core.methods.learner import Learner


NO_TOWER = Recipe("no tower", 0, 1)
"""What a method without a tower is given for a recipe: a slice is one patch."""


@dataclass(frozen=True)
class BaseMethod:
    """What holds of every method. A method is a frozen value; its fields are its options.

    Attributes:
        name: under which the method is registered; it stands in keys and rows, and never changes.
        title: what a user reads.
        source: the paper; says where no golden proves the method.
        learned: whether it needs a checkpoint.
        in_tower: whether that acts inside the image tower, so that features depend on it.
        official: how the names of its tensors begin in the published checkpoints.
        prompts: name of its official prompt set, "" for a method that reads no text.
        prompt_note: what of the prompts is learned, and which words a user can change.
        learned_words: learned vectors before each text; so many words fewer can be read.
        needs_tower: whether it reads features of a CLIP at all.
        text_by_slice: whether the text depends on the slice.
        takes_references: whether normal slices can be given.
        probability: whether its map is the softmax of abnormal against normal, and so a probability
            as it stands, where its range ends at 1.
        compares: whether a volume is scored against others, so that a set of them is needed.
        last_bits: whether it rounds after a sum, so that last bits show in its maps, and with them
            how many slices are encoded at once, which captions and exports then say: where
            features are exact, the tower then sums as official codes do.
        setups: its shipped trained states.
        published: its authors' checkpoints.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    source: ClassVar[str]
    learned: ClassVar[bool] = False
    in_tower: ClassVar[bool] = False
    official: ClassVar[str] = ""
    prompts: ClassVar[str] = ""
    prompt_note: ClassVar[str] = ""
    learned_words: ClassVar[int] = 0
    needs_tower: ClassVar[bool] = True
    text_by_slice: ClassVar[bool] = False
    takes_references: ClassVar[bool] = False
    probability: ClassVar[bool] = False
    compares: ClassVar[bool] = False
    last_bits: ClassVar[bool] = False
    setups: ClassVar[tuple[Setup, ...]] = ()
    published: ClassVar[tuple[Published, ...]] = ()

    @property
    def high(self) -> float:
        """End of the map's published range, which begins at 0."""
        return 1.0

    @property
    def binary(self) -> bool:
        """Whether the maps are masks: one threshold, and nothing to rank."""
        return False

    def recipe(self, info: TowerInfo) -> Recipe:
        """The image-side computation on that backbone; raises SettingError if it cannot be."""
        raise ValueError(f"{self.title} reads no tower")

    def by_volume(self, references: int) -> bool:
        """Whether a slice's map depends on the other slices of its volume."""
        return False

    def checkpoint(
        self, tensors: Mapping[str, FloatArray], info: TowerInfo | None
    ) -> dict[str, FloatArray]:
        """What the method uses of a checkpoint, checked against the backbone where that is known.

        Raises WeightsError naming the first tensor that is missing or has another shape.
        """
        raise ValueError(f"{self.title} learns nothing")

    def given(self, learned: Learned) -> dict[str, FloatArray]:
        """The learned tensors; raises WeightsError where there are none."""
        if learned is None:
            raise WeightsError(f"{self.title} needs its learned part; choose a training setup.")
        return learned

    def tensors(self, tower: Tower, learned: Learned) -> dict[str, Tensor]:
        """The learned tensors on the tower's device, checked; raises WeightsError."""
        return tower.on_device(self.checkpoint(self.given(learned), tower.info))


@dataclass(frozen=True)
class Method(BaseMethod, ABC):
    """An anomaly map from a slice, or from slices one by one.

    What is not said here otherwise is for a method that reads four taps of a frozen tower and
    compares them with one embedding of each side's sentences.

    A map is made in two steps: `align` does what no text changes, once for all prompts, and `maps`
    and `patch_values` compare its result with text, on the device where that lies.
    """

    def parts(self, recipe: Recipe) -> tuple[str, ...]:
        """Names of the arrays that `encode` makes of a slice: of each tap, and the class feature.

        They are in the names of stored files.
        """
        return tap_parts(recipe)

    def encode(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray, learned: Learned
    ) -> list[SliceTensors]:
        """Features of slices (B, H, W) or (B, H, W, 3) at the retained patches (B, R, C), float32.

        Here (P, width) of each tap's residual stream and the class feature (E,), not normalised.
        """
        return retained_features(*tower.taps(images, recipe, retained), recipe, retained)

    def texts(
        self,
        prompts: PromptSet,
        encoder: TextEncoder,
        learned: Learned,
        features: Sequence[SliceFeatures],
    ) -> FloatArray:
        """(K, E) float32: the prompt set as one embedding a side; raises PromptError.

        (B, K, E), one pair for each of the slices, where the text depends on the slice. Here the
        sentences of a side are made one by `pool`.
        """
        sides = prompt_sets.sentences(prompts)
        return np.stack([self.pool(encoder.sentences(side)) for side in sides])

    def pool(self, embeddings: FloatArray) -> FloatArray:
        """Sentences (N, E) of a side as one (E,): here each is normalised, and so is the mean."""
        return unit_mean(embeddings)

    def align(
        self,
        features: Sequence[SliceFeatures],
        retained: MaskArray,
        learned: Learned,
        recipe: Recipe,
        references: Sequence[SliceFeatures],
        device: str,
    ) -> Aligned:
        """What no text changes of B slices' maps, from features at retained patches (B, R, C).

        References are features of normal slices at all patches, none for zero-shot. Here every part
        as it is: arrays (P, E) of all slices in a row, (sum of P, E), vectors (E,) as (B, E).
        """
        parts = {part: joined(features, part, device) for part in features[0]}
        return Aligned(parts, on_device(retained, device), learned, recipe)

    @abstractmethod
    def maps(self, aligned: Aligned, text: FloatArray) -> tuple[Tensor, Tensor]:
        """Maps float32 in 0 … high and slice scores (B,), from what `texts` returned.

        Maps are (B, S, S) at the side of the recipe's input, or (B, H, W) without a tower.
        """

    def patch_values(self, aligned: Aligned, texts: FloatArray) -> Tensor:
        """(N, sum of P) float32 in 0 … high: values at the retained patches for N texts.

        `texts` are N times what `texts` returns for those slices. A prompt search asks for hundreds
        at once. A method whose map is, patch by patch, a function of the text computes them all
        before the map is enlarged and smoothed; here each goes through `maps`, and a patch has the
        mean of the map over its pixels.
        """
        grid = aligned.recipe.grid
        side = aligned.recipe.image_size // grid
        values = []
        for text in texts:
            maps, _ = self.maps(aligned, text)
            squares = maps.reshape(-1, grid, side, grid, side).mean(dim=(2, 4))
            values.append(squares[aligned.retained])
        return torch.stack(values)

    @property
    def texts_at_once(self) -> bool:
        """Whether `patch_values` is the method's own."""
        return type(self).patch_values is not Method.patch_values

    def reference_views(self, image: ByteArray, side: int) -> ByteArray:
        """What is encoded of a normal slice (H, W) or (H, W, 3): (V, side, side), or with 3."""
        return views(image, side, augment=False)

    def learner(self, encoder: Encoder) -> Learner:
        """How the learned part is trained on that tower."""
        raise ValueError(f"{self.title} learns nothing")


@dataclass(frozen=True)
class VolumeMethod(BaseMethod, ABC):
    """An anomaly map of a whole volume, from cubic tokens of it and of a set of other volumes.

    `planes` are the planes along which the volumes are sliced. The set is unlabelled.
    """

    planes: ClassVar[tuple[Plane, ...]]
    compares = True

    def by_volume(self, references: int) -> bool:
        """Always: a slice's map is a cut through the volume's."""
        return True

    @abstractmethod
    def chosen(self, count: int) -> list[int]:
        """Which of the `count` slices of a layer of cubes are read."""

    @abstractmethod
    def encode_layer(
        self, tower: Tower, images: ByteArray, recipe: Recipe, retained: MaskArray
    ) -> FloatArray:
        """Tokens (P, L, E) of a layer's retained cubes (R, C), from its chosen slices (B, H, W)."""

    @abstractmethod
    def cube_scores(self, cubes: Cubes, others: Iterable[Cubes]) -> FloatArray:
        """Scores (P,) float32 in 0 … high of a volume's cubes against at least one other volume."""
