"""The last block computes what is read of it, and that as if it had computed all."""

from dataclasses import replace

import numpy as np
import pytest

from zsad_core import backbones
from zsad_core.backbones import tower as towers
from zsad_core.backbones.clip_internals import block_output
from zsad_core.types import BackboneSpec, Recipe

RNG = np.random.default_rng(1)
IMAGES = RNG.integers(0, 256, (2, 64, 64), np.uint8)
SPARSE = RNG.random((2, 8, 8)) < np.array([0.1, 0.4])[:, None, None]
WINDOWS = [[np.arange(4)[None], np.arange(9)[None] + 3]] * 2
PATCHES, FULL = 64, 65
RECIPE = Recipe("taps", 64, 8, taps=(2, 8))


@pytest.fixture
def tower():
    return backbones.load(BackboneSpec("demo"), "cpu", "float32")


@pytest.fixture
def block_shapes(tower):
    """Shapes (B, N) of the tokens that went through the last block's MLP."""
    shapes, last = [], tower._visual.transformer.resblocks[-1]
    last.mlp.register_forward_hook(lambda _, args, out: shapes.append(tuple(out.shape[:2])))
    return shapes


def patch_features(tower, patch_mask):
    taps, first = tower.taps(IMAGES, RECIPE, patch_mask)
    flat = SPARSE.reshape(2, PATCHES)
    return [*(tap[flat] for tap in taps), first]


def vv_features(tower, patch_mask):
    taps, first = tower.vv_taps(IMAGES, RECIPE)
    return [*taps, first]


def window_features(tower, patch_mask):
    windows, patches, first = tower.windows(IMAGES, RECIPE, WINDOWS)
    return [*(array for of_scale in windows for array in of_scale), patches, first]


COUNT = int(SPARSE.sum(axis=(1, 2)).max()) + 1  # of each slice as many as of the fullest


def test_taps_alone_need_no_block_after_the_last_of_them(tower, block_shapes):
    recipe = replace(RECIPE, taps=RECIPE.taps[:1])
    taps, _ = tower.taps(IMAGES, recipe)
    block_shapes.clear()
    (early,) = tower.early_taps(IMAGES, recipe, SPARSE)
    assert block_shapes == []
    flat = SPARSE.reshape(2, PATCHES)
    np.testing.assert_allclose(early[flat], taps[0][flat], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("features", "shapes"),
    [
        (patch_features, [(2, COUNT)]),
        (vv_features, [(2, 1)]),
        (window_features, [(1, 1)] * 4 + [(2, FULL)]),
    ],
)
def test_it_computes_the_same_for_fewer_tokens(tower, block_shapes, monkeypatch, features, shapes):
    ours = features(tower, SPARSE)
    assert block_shapes == shapes
    monkeypatch.setattr(towers, "block_output_at", lambda block, x, read: block_output(block, x))
    for array, expected in zip(ours, features(tower, SPARSE), strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-5)  # values up to 30
        assert expected.std() > 0.01


def test_all_is_computed_where_nothing_is_said(tower, block_shapes):
    tower.taps(IMAGES, RECIPE)
    assert block_shapes == [(2, FULL)]
