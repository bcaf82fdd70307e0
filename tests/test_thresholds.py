"""Levels chosen by rule."""

import numpy as np
import pytest

from zsad_core import metrics, thresholds
from zsad_core.errors import SettingError


def histogram(healthy, lesion):
    """(2, 256) from counts by level."""
    found = np.zeros((2, 256), np.int64)
    for row, counts in ((metrics.HEALTHY, healthy), (metrics.LESION, lesion)):
        for level, count in counts.items():
            found[row, level] = count
    return found


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_level_on_the_grid_is_taken(level):
    assert thresholds.fixed_threshold(level) == level


@pytest.mark.parametrize("level", [-1, 256])
def test_a_level_outside_the_grid_is_refused(level):
    with pytest.raises(SettingError, match=f"level {level} is outside the grid; choose 0 to 255"):
        thresholds.fixed_threshold(level)


def test_the_lowest_of_equal_levels_wins():
    assert thresholds.oracle_threshold(histogram({10: 5}, {20: 5})) == 11


@pytest.mark.parametrize("seed", range(5))
def test_no_level_is_better_than_the_oracle(seed):
    random = np.random.default_rng(seed)
    one = random.integers(0, 9, (2, 256))
    dice = metrics.dice_at_levels(one)
    assert dice[thresholds.oracle_threshold(one)] == dice.max()


@pytest.mark.parametrize("seed", range(5))
def test_the_validation_level_never_beats_a_subjects_own_oracle(seed):
    random = np.random.default_rng(seed)
    subjects = [random.integers(0, 9, (2, 256)) for _ in range(3)]
    level = thresholds.validation_threshold(subjects)
    for one in subjects:
        assert metrics.dice_at_levels(one)[level] <= metrics.best_dice(one)


def test_validation_weighs_subjects_not_voxels():
    """Pooled voxels would choose level 0, where the large lesion is whole."""
    large = histogram({50: 1000}, {0: 700, 100: 800})
    small = histogram({0: 30, 50: 30}, {100: 10})
    assert thresholds.oracle_threshold(large + small) == 0
    assert thresholds.validation_threshold([large, small]) == 51


def test_validation_leaves_lesion_free_subjects_out():
    lesion, free = histogram({10: 5}, {20: 5}), histogram({200: 50}, {})
    assert thresholds.validation_threshold([free, lesion]) == 11


def test_no_lesion_means_no_oracle():
    with pytest.raises(SettingError, match="has 0 lesion voxels in the brain; choose"):
        thresholds.oracle_threshold(histogram({10: 5}, {}))


def test_no_lesion_anywhere_means_no_validation():
    with pytest.raises(SettingError, match="None of the 2 validation subjects has a lesion"):
        thresholds.validation_threshold([histogram({10: 5}, {})] * 2)
