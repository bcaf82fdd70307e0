"""Thresholds chosen by rule, against every distinct value of the maps."""

import math

import numpy as np
import pytest

from tests.helpers.maps import dice_at, volume
from zsad_core.errors import SettingError
from zsad_core.metrics import ranking, thresholds
from zsad_core.metrics.thresholds import (
    FINE,
    curve,
    validation_threshold,
    weighted_curve,
)


@pytest.mark.parametrize(
    ("text", "value", "note"),
    [
        ("0.5", 0.5, "set by hand"),
        ("4", 4.0, "set by hand"),
        ("50%", 2.0, "50 % of the range"),
        (" 12.5 % ", 0.5, "12.5 % of the range"),
        ("0%", 0.0, "0 % of the range"),
    ],
)
def test_a_value_or_a_share_of_the_range_is_taken(text, value, note):
    threshold = thresholds.fixed_threshold(text, 4.0)
    assert (threshold.value, threshold.rule, threshold.note) == (value, "fixed", note)
    thresholds.fixed_threshold(text, math.inf)  # as a command reads it, before it knows a range


def test_the_threshold_just_above_the_range_predicts_nothing():
    value = thresholds.above_range(4.0)
    assert thresholds.fixed_threshold(repr(value), 4.0).value == value
    assert not np.float32(4) >= np.float32(value)


@pytest.mark.parametrize("text", ["-1", "4.01", "101%", "nan", "inf", "half", "", "%", "²"])
def test_what_is_no_threshold_of_the_range_is_refused(text):
    with pytest.raises(SettingError, match="give a value from 0 to 4, or a share"):
        thresholds.fixed_threshold(text, 4.0)


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_an_older_level_is_the_value_that_rounded_to_it(level):
    values = np.linspace(0, 2, 100_001, dtype=np.float32)
    expected = np.rint(values * (255 / 2)) >= level
    np.testing.assert_array_equal(values >= np.float32(thresholds.from_level(level, 2.0)), expected)


@pytest.mark.parametrize("seed", range(5))
def test_no_value_is_better_than_the_oracle(seed):
    arrays = volume(seed)
    best = dice_at(thresholds.oracle_threshold(*arrays), *arrays)
    assert best == pytest.approx(max(dice_at(v, *arrays) for v in np.unique(arrays[0])))
    voxels = ranking.in_brain(*arrays)
    assert best == pytest.approx(ranking.best_dice(voxels, float(arrays[2].sum())))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("power", [1.0, 20.0])
def test_a_curve_tells_dice_at_any_threshold(seed, power):
    arrays = volume(seed, power=power)
    line = curve(*arrays)
    candidates = np.unique(np.concatenate([arrays[0].ravel()[::7], [0, 3]])).astype(np.float32)
    exact = np.array([dice_at(v, *arrays) for v in candidates])
    np.testing.assert_allclose(line.dice(candidates), exact, atol=FINE)
    line_thresholds = line.thresholds[::50]
    np.testing.assert_allclose(
        line.dice(line_thresholds), [dice_at(v, *arrays) for v in line_thresholds], atol=1e-12
    )
    assert len(line.thresholds) <= len(np.unique(arrays[0]))


@pytest.mark.parametrize("seed", range(6))
def test_validation_is_within_1e_4_of_the_best_common_threshold(seed):
    volumes = [volume(10 * seed + n, 0.01 * (n + 1), 1 + n) for n in range(3)]
    value = validation_threshold([curve(*arrays) for arrays in volumes])
    candidates = np.unique(np.concatenate([v[b & t] for v, b, t in volumes]))
    means = [np.mean([dice_at(v, *arrays) for arrays in volumes]) for v in candidates]
    assert np.mean([dice_at(value, *arrays) for arrays in volumes]) >= max(means) - 1e-4


def test_a_single_validation_subject_has_its_oracle():
    arrays = volume(3)
    assert validation_threshold([curve(*arrays)]) == thresholds.oracle_threshold(*arrays)


def test_validation_weighs_subjects_not_voxels():
    """Pooled voxels would choose the lowest value, where the large lesion is whole."""
    large = weighted_curve(np.array([0.0, 0.5, 1.0]), [0, 1000, 0], [700, 0, 800])
    small = weighted_curve(np.array([0.0, 0.5, 1.0]), [30, 30, 0], [0, 0, 10])
    both = weighted_curve(np.array([0.0, 0.5, 1.0]), [30, 1030, 0], [700, 0, 810])
    assert validation_threshold([both]) == 0
    assert validation_threshold([large, small]) == 1


def test_validation_leaves_lesion_free_subjects_out():
    lesion = weighted_curve(np.array([0.1, 0.2]), [5, 0], [0, 5])
    free = weighted_curve(np.array([0.9]), [50], [0])
    assert validation_threshold([free, lesion]) == 0.2


def test_weights_give_the_curve_of_as_many_voxels():
    values, brain, truth = volume(1)
    inside, lesion = values[brain], truth[brain]
    line = weighted_curve(inside, ~lesion, lesion)
    candidates = np.unique(inside)[::11]
    expected = [dice_at(v, values, brain, truth & brain) for v in candidates]
    np.testing.assert_allclose(line.dice(candidates), expected)


def test_no_lesion_means_no_oracle():
    values, brain, truth = volume(0)
    with pytest.raises(SettingError, match="has 0 lesion voxels in the region; choose"):
        thresholds.oracle_threshold(values, brain, np.zeros_like(truth))


def test_no_lesion_anywhere_means_no_validation():
    free = weighted_curve(np.array([0.9]), [50], [0])
    with pytest.raises(SettingError, match="None of the 2 validation subjects has a lesion"):
        validation_threshold([free] * 2)
