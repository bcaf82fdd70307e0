"""Learned tensors for tests, those that a training would start from, and maps made with them."""

import functools

import numpy as np

from zsad_core.methods import Method
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


def maps_of(method, features, kept, text, learned, recipe, references=(), device="cpu"):
    """Maps and scores of slices' features as arrays."""
    aligned = method.align(features, kept, learned, recipe, references, device)
    return [found.cpu().numpy() for found in method.maps(aligned, text)]


def values_of(method, features, kept, texts, learned, recipe, device="cpu"):
    """Values (N, P) of a slice's features at its kept patches (R, C), for N texts, as an array."""
    aligned = method.align([features], kept[None], learned, recipe, (), device)
    return method.patch_values(aligned, texts).cpu().numpy()


def mean_values_of(method, features, kept, texts, learned, recipe):
    """Those of the way that every method has: the mean of the map over a patch."""
    aligned = method.align([features], kept[None], learned, recipe, (), "cpu")
    return Method.patch_values(method, aligned, texts).numpy()
