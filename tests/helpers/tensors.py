"""Learned tensors for tests: those that a training would start from."""

import functools

import numpy as np

from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import Examples
from zsad_core.training import material

RNG = np.random.default_rng(7)
IMAGES = RNG.integers(0, 256, (4, 40, 40), np.uint8)
MASKS = np.zeros((4, 32, 32), bool)
MASKS[:2, 8:20, 8:20] = True


@functools.lru_cache(32)
def fresh_tensors(method, tower):
    """Of a method that learns, on that tower, from a few random images; else None."""
    if not method.learned:
        return None
    recipe, side = method.recipe(tower.info), MASKS.shape[1]
    learner = method.learner(Encoder(method, tower, recipe, side))
    encoder = Encoder(method, tower, recipe, side, frozen=not learner.through_tower)
    tokens, first = encoder.features(IMAGES)
    classes = ("surface",) * len(IMAGES)
    examples = Examples(tokens, MASKS, first, classes=classes)
    examples = material.with_text(examples, encoder, learner)
    return learner.initial(0, examples)
