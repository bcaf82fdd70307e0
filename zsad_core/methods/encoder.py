"""The tower under a method's recipe, as a learner uses it."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zsad_core.backbones.host_copy import HostCopy
from zsad_core.backbones.pixels import sized
from zsad_core.backbones.tower import Tower
from zsad_core.base.jobs import Turn
from zsad_core.methods.base import Method
from zsad_core.methods.texts import TowerTexts
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import ByteArray, FloatArray, PromptSet, Recipe

BYTES = 3 * 2**30
Features = tuple[NDArray[np.float16] | ByteArray, FloatArray]


@dataclass(frozen=True)
class Encoder:
    """The tower under a method's recipe; `side` is the side of the masks it makes.

    `frozen` is False where something is learned inside the tower: images then stay images. Every
    batch that passes the tower takes a `turn` on the device.
    """

    method: Method
    tower: Tower
    recipe: Recipe
    side: int
    frozen: bool = True
    turn: Turn = nullcontext

    def features(self, images: ByteArray) -> Features:
        """What `Examples` holds as tokens and first of images (B, H, W) or (B, H, W, 3) uint8."""
        if not self.frozen:
            return sized(images, self.recipe.image_size), np.zeros((len(images), 0), np.float32)
        retained = np.ones((len(images), self.recipe.grid, self.recipe.grid), bool)
        with self.turn():
            tensors = self.method.encode(self.tower, images, self.recipe, retained, None)
            features = HostCopy(tensors).arrays()
        taps = [[arrays[f"tap{block}"] for block in self.recipe.taps] for arrays in features]
        return np.array(taps, np.float16), np.stack([arrays["class"] for arrays in features])

    def prompts(self, class_name: str) -> PromptSet:
        """The method's shipped prompt set about a class."""
        return replace(prompt_sets.shipped()[self.method.prompts], class_name=class_name)

    def text(self, class_name: str) -> FloatArray:
        """(K, E) float32: the prompt set about this class."""
        texts = TowerTexts(self.tower, self.recipe.activation)
        return self.method.texts(self.prompts(class_name), texts, None, ()).astype(np.float32)

    def room(self) -> int:
        """How many images fit the memory bound."""
        if not self.frozen:
            return BYTES // (3 * self.recipe.image_size**2)
        return BYTES // (2 * self.tower.info.width * len(self.recipe.taps) * self.recipe.grid**2)
