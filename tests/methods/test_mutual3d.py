"""Mutual scores whose values a person can compute; no golden exists, as no official code was run.

Two-dimensional directions stand for tokens: three numbers without a mean, at a given angle.
"""

import numpy as np
import pytest

from zsad_core import methods
from zsad_core.backbones import info
from zsad_core.errors import SettingError
from zsad_core.methods.mutual3d.method import Mutual3d
from zsad_core.types import BackboneSpec, Cubes

FIRST, SECOND = np.array([1, -1, 0]) / 2**0.5, np.array([1, 1, -2]) / 6**0.5


def row(*degrees, first=0):
    """Cubes in a row along X from `first` on, one plane and tap, each at an angle in degrees."""
    angle = np.deg2rad(degrees)[:, None]
    tokens = np.cos(angle) * FIRST + np.sin(angle) * SECOND
    places = np.array([[first + i, 0, 0] for i in range(len(degrees))])
    return Cubes(7 * tokens[:, None, None] + 3, places)  # neither mean nor length plays a part


def chord(degrees):
    """Distance of two unit vectors so far apart."""
    return 2 * np.sin(np.deg2rad(degrees) / 2)


def test_the_distance_is_to_the_nearest_cube():
    scores = Mutual3d(radius=9).cube_scores(row(0, 50), [row(10, 30, 90)])
    np.testing.assert_allclose(scores, [chord(10), chord(20)], atol=1e-3)


@pytest.mark.parametrize(("radius", "degrees"), [(0, 40), (1, 20), (2, 5)])
def test_only_cubes_within_the_radius_count(radius, degrees):
    scores = Mutual3d(radius=radius).cube_scores(row(0), [row(40, 20, 5)])
    np.testing.assert_allclose(scores, [chord(degrees)], atol=1e-3)


def test_the_radius_holds_along_every_axis():
    own = row(0)
    for axis in range(3):
        place = np.zeros((1, 3), int)
        place[0, axis] = 2
        far = Cubes(row(30).tokens, place)
        assert Mutual3d(radius=1).cube_scores(own, [far, row(20)]) == pytest.approx(chord(20))
        assert Mutual3d(radius=2, low=1).cube_scores(own, [far]) == pytest.approx(chord(30))


@pytest.mark.parametrize(
    ("low", "degrees"),
    [(0.1, [10]), (0.3, [10, 20]), (0.5, [10, 20]), (1, [10, 20, 30, 40])],  # rounded up
)
def test_the_mean_is_over_the_lowest_share_of_the_volumes(low, degrees):
    scores = Mutual3d(low=low).cube_scores(row(0), [row(d) for d in (40, 10, 30, 20)])
    np.testing.assert_allclose(scores, [np.mean([chord(d) for d in degrees])], atol=1e-3)


def test_taps_are_averaged_and_planes_joined():
    one, two = row(0).tokens, row(30).tokens
    taps = Cubes(np.concatenate([one, one], axis=2), row(0).positions)
    apart = Cubes(np.concatenate([one, two], axis=2), row(0).positions)
    assert Mutual3d().cube_scores(taps, [apart]) == pytest.approx(chord(30) / 2, abs=1e-3)
    planes = Cubes(np.concatenate([one, one], axis=1), row(0).positions)
    half = Cubes(np.concatenate([one, two], axis=1), row(0).positions)
    assert Mutual3d().cube_scores(planes, [half]) == pytest.approx(chord(30) / 2**0.5)


def test_a_volume_without_a_cube_near_says_nothing():
    far = row(0, first=5)
    assert Mutual3d(low=1).cube_scores(row(0), [far, row(20)]) == pytest.approx(chord(20))
    assert Mutual3d().cube_scores(row(0), [far]) == 0


def test_a_distance_beyond_the_range_counts_as_its_end():
    assert Mutual3d().cube_scores(row(0), [row(170)]) == 1


def test_a_planted_odd_cube_has_the_highest_score():
    rng = np.random.default_rng(0)
    places = np.argwhere(np.ones((4, 4, 4), bool))
    common = rng.normal(size=(64, 3, 1, 16))
    volumes = [Cubes(common + 0.1 * rng.normal(size=common.shape), places) for _ in range(5)]
    volumes[0].tokens[37] = rng.normal(size=(3, 1, 16))
    scores = Mutual3d().cube_scores(volumes[0], volumes[1:])
    assert scores.argmax() == 37
    assert scores[37] > 3 * np.delete(scores, 37).max()


def test_a_tap_that_the_backbone_lacks_is_refused():
    demo = info(BackboneSpec("demo"))
    assert methods.build("mutual3d", [("taps", "4,2")]).recipe(demo).taps == (2, 4)
    with pytest.raises(SettingError, match="Taps 2, 9: 'demo' has 8 blocks"):
        methods.build("mutual3d", [("taps", "2,9")]).recipe(demo)
