"""Small problems to train on, and results of trainings compared."""

from types import SimpleNamespace

import numpy as np

from zsad_core.methods.aprilgan.training import LinearLayers
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import Examples
from zsad_core.training import states
from zsad_core.types import Recipe


def layers(width=6, embed=4, taps=2):
    """APRIL-GAN's learner on a tower of these sizes."""
    info = SimpleNamespace(width=width, embed_dim=embed)
    recipe = Recipe("taps", 16, 4, tuple(range(1, taps + 1)))
    return LinearLayers(Encoder(None, SimpleNamespace(info=info, device="cpu"), recipe, 8))


def toy(count=24, seed=0):
    """Patches whose first number says whether they are abnormal, in two taps."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, 8, 8), bool)
    for mask in masks:
        row, column = rng.integers(0, 3, 2) * 2
        mask[row : row + 4, column : column + 4] = True
    tokens = rng.normal(0, 0.5, (count, 2, 16, 6)).astype(np.float16)
    tokens[..., 0] += np.where(masks[:, ::2, ::2].reshape(count, 1, 16), 2, -2)
    text = np.array([[1, 0.1, 0, 0], [1, -0.1, 0, 0]], np.float32)  # near, as real sentences are
    text = text / np.linalg.norm(text, axis=1, keepdims=True)
    return Examples(tokens, masks, np.zeros((count, 1), np.float16), text)


def bright_squares(count=12):
    """Bright squares on noise."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (count, 64, 64)).astype(np.uint8)
    masks = np.zeros((count, 16, 16), bool)
    for image, mask in zip(images, masks, strict=True):
        row, column = rng.integers(0, 3, 2)
        image[row * 16 : row * 16 + 32, column * 16 : column * 16 + 32] += 180
        mask[row * 4 : row * 4 + 8, column * 4 : column * 4 + 8] = True
    return Examples(images, masks, np.zeros((count, 0), np.float32))


def same(found, expected):
    for name in states.NUMBERS:
        np.testing.assert_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_array_equal(found.terms, expected.terms)
    assert found.tensors.keys() == expected.tensors.keys()
    for name, value in expected.tensors.items():
        np.testing.assert_array_equal(found.tensors[name], value)
