"""The last block computes what is read of it, and that as if it had computed all."""

import numpy as np
import pytest

from zsad_core import backbones
from zsad_core.backbones import tower as towers
from zsad_core.backbones.clip_internals import through
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
def passed(tower):
    """Shapes (B, N) of the tokens that went through the last block's MLP."""
    found, last = [], tower._visual.transformer.resblocks[-1]
    last.mlp.register_forward_hook(lambda _, args, out: found.append(tuple(out.shape[:2])))
    return found


def of_patches(tower, read):
    taps, first = tower.taps(IMAGES, RECIPE, read)
    flat = SPARSE.reshape(2, PATCHES)
    return [*(tap[flat] for tap in taps), first]


def of_vv(tower, read):
    taps, first = tower.vv_taps(IMAGES, RECIPE)
    return [*taps, first]


def of_windows(tower, read):
    windows, patches, first = tower.windows(IMAGES, RECIPE, WINDOWS)
    return [*(one for of_image in windows for one in of_image), patches, first]


READ = int(SPARSE.sum(axis=(1, 2)).max()) + 1  # of each slice as many as of the fullest


@pytest.mark.parametrize(
    ("work", "few"),
    [
        (of_patches, [(2, READ)]),
        (of_vv, [(2, 1)]),
        (of_windows, [(1, 1)] * 4 + [(2, FULL)]),
    ],
)
def test_it_computes_what_is_read_and_that_the_same(tower, passed, monkeypatch, work, few):
    found = work(tower, SPARSE)
    assert passed == few
    monkeypatch.setattr(towers, "through_at", lambda block, x, read: through(block, x))
    for one, whole in zip(found, work(tower, SPARSE), strict=True):
        np.testing.assert_allclose(one, whole, rtol=1e-5, atol=1e-5)  # values up to 30
        assert whole.std() > 0.01


def test_all_is_computed_where_nothing_is_said(tower, passed):
    tower.taps(IMAGES, RECIPE)
    assert passed == [(2, FULL)]
