"""What every registered method for whole volumes keeps, from its first day."""

from dataclasses import replace

import numpy as np
import pytest

from zsad_core import backbones, methods
from zsad_core.imaging import slicing
from zsad_core.inference.cubes import cubes_of, layer_tokens, volume_map
from zsad_core.types import BackboneSpec, Cubes, Volume

OF_VOLUMES = [name for name, one in methods.METHODS.items() if one.compares]
SHAPE = (30, 34, 29)  # X Y Z
RNG = np.random.default_rng(4)


@pytest.fixture(scope="module")
def tower():
    return backbones.load(BackboneSpec("demo"), "cpu", "float32")


@pytest.fixture(params=OF_VOLUMES)
def method(request):
    return methods.METHODS[request.param]()


def volume_of(intensity):
    brain = np.zeros(SHAPE, bool)
    brain[8:18, 10:20, 9:17] = True
    values = np.where(brain, intensity, 0).astype(np.float32)
    return Volume(values, brain, None, None, (1.0, 1.0, 1.0), np.eye(4), "digest")


def cubes(method, tower, volume):
    recipe = method.recipe(tower.info)
    kept = slicing.cubes_touching(volume.brain, recipe.grid)

    def tokens(plane, index):
        image = slicing.to_slices(volume, plane).image
        slices = image[slicing.layer(len(image), recipe.grid, index)]
        there = slicing.as_slices(kept, plane)[index]
        return layer_tokens(method, tower, recipe, slices, there)

    return cubes_of(kept, method.planes, tokens), kept


def test_cubes_and_map_have_the_promised_form(method, tower):
    recipe = method.recipe(tower.info)
    one, two = (volume_of(RNG.uniform(100, 900, SHAPE)) for _ in range(2))
    (own, kept), (other, _) = cubes(method, tower, one), cubes(method, tower, two)
    assert own.tokens.shape[:3] == (kept.sum(), len(method.planes), len(recipe.taps))
    np.testing.assert_array_equal(own.positions, np.argwhere(kept))
    scores = method.cube_scores(own, [other])
    assert (scores.shape, scores.dtype) == ((kept.sum(),), np.float32)
    values = volume_map(method, one.brain, kept, own, [other])
    assert (values.shape, values.dtype) == (SHAPE, np.float32)
    assert 0 <= values.min() < values.max() <= method.high
    assert (values[~one.brain] == 0).all()


def test_a_volume_against_itself_is_normal_everywhere(method, tower):
    own, _ = cubes(method, tower, volume_of(RNG.uniform(100, 900, SHAPE)))
    assert method.cube_scores(own, [own, own]).max() < 0.01 * method.high


def test_the_order_of_the_set_changes_nothing(method):
    places = np.argwhere(np.ones((3, 3, 3), bool))
    sets = [Cubes(RNG.normal(size=(27, 3, 2, 8)), places) for _ in range(5)]
    first = method.cube_scores(sets[0], sets[1:])
    np.testing.assert_allclose(method.cube_scores(sets[0], sets[:0:-1]), first, atol=1e-6)


def test_a_layer_reads_some_of_its_slices_in_order(method):
    for count in (1, 2, 3, 9, 20):
        chosen = method.chosen(count)
        assert chosen == sorted(set(chosen))
        assert 0 <= chosen[0] <= chosen[-1] < count


def test_what_another_option_computes_has_another_recipe(method, tower):
    other = replace(method, slices=method.slices + 1)
    assert other.recipe(tower.info) != method.recipe(tower.info)
