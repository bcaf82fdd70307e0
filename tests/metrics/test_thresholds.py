"""Thresholds chosen by rule, against every distinct value of the maps."""

import numpy as np
import pytest

from zsad_core.errors import SettingError
from zsad_core.metrics import dice as metrics
from zsad_core.metrics import ranking, thresholds
from zsad_core.metrics.thresholds import (
    FINE,
    curve,
    validation_threshold,
    weighted_curve,
)


def volume(seed, lesion=0.05, power=1.0):
    """A map (S, H, W) with some sense for its lesion, brain and truth; lesion outside too."""
    random = np.random.default_rng(seed)
    brain = random.random((6, 30, 30)) < 0.9
    truth = random.random(brain.shape) < lesion
    values = (random.random(brain.shape) + 0.5 * truth * random.random(brain.shape)) ** power
    return values.astype(np.float32), brain, truth


def dice_at(value, values, brain, truth):
    mask = brain & (values >= np.float32(value))
    return metrics.dice_3d(truth.sum(), mask.sum(), (mask & truth).sum())


@pytest.mark.parametrize(
    ("text", "value", "note"),
    [
        ("0.5", 0.5, "set by hand"),
        ("4", 4.0, "set by hand"),
        ("50%", 2.0, "50 % of the range"),
        (" 12.5 % ", 0.5, "12.5 % of the range"),
    ],
)
def test_a_value_or_a_share_of_the_range_is_taken(text, value, note):
    found = thresholds.fixed_threshold(text, 4.0)
    assert (found.value, found.rule, found.note) == (value, "fixed", note)


@pytest.mark.parametrize("text", ["-1", "4.01", "101%", "nan", "inf", "half", "", "%", "²"])
def test_what_is_no_threshold_of_the_range_is_refused(text):
    with pytest.raises(SettingError, match="give a value from 0 to 4, or a share"):
        thresholds.fixed_threshold(text, 4.0)


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_an_older_level_is_the_value_that_rounded_to_it(level):
    values = np.linspace(0, 2, 100_001, dtype=np.float32)
    reached = np.rint(values * (255 / 2)) >= level
    np.testing.assert_array_equal(values >= np.float32(thresholds.from_level(level, 2.0)), reached)


@pytest.mark.parametrize("seed", range(5))
def test_no_value_is_better_than_the_oracle(seed):
    one = volume(seed)
    best = dice_at(thresholds.oracle_threshold(*one), *one)
    assert best == pytest.approx(max(dice_at(v, *one) for v in np.unique(one[0])))
    whole = ranking.in_brain(*one)
    assert best == pytest.approx(ranking.best_dice(whole, float(one[2].sum())))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("power", [1.0, 20.0])
def test_a_curve_tells_dice_at_any_threshold(seed, power):
    one = volume(seed, power=power)
    found = curve(*one)
    asked = np.unique(np.concatenate([one[0].ravel()[::7], [0, 3]])).astype(np.float32)
    exact = np.array([dice_at(v, *one) for v in asked])
    np.testing.assert_allclose(found.dice(asked), exact, atol=FINE)
    own = found.thresholds[::50]
    np.testing.assert_allclose(found.dice(own), [dice_at(v, *one) for v in own], atol=1e-12)
    assert len(found.thresholds) <= len(np.unique(one[0]))


@pytest.mark.parametrize("seed", range(6))
def test_validation_is_within_1e_4_of_the_best_common_threshold(seed):
    some = [volume(10 * seed + n, 0.01 * (n + 1), 1 + n) for n in range(3)]
    value = validation_threshold([curve(*one) for one in some])
    candidates = np.unique(np.concatenate([v[b & t] for v, b, t in some]))
    means = [np.mean([dice_at(v, *one) for one in some]) for v in candidates]
    assert np.mean([dice_at(value, *one) for one in some]) >= max(means) - 1e-4


def test_a_single_validation_subject_has_its_oracle():
    one = volume(3)
    assert validation_threshold([curve(*one)]) == thresholds.oracle_threshold(*one)


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
    found = weighted_curve(inside, ~lesion, lesion)
    asked = np.unique(inside)[::11]
    whole = [dice_at(v, values, brain, truth & brain) for v in asked]
    np.testing.assert_allclose(found.dice(asked), whole)


def test_no_lesion_means_no_oracle():
    values, brain, truth = volume(0)
    with pytest.raises(SettingError, match="has 0 lesion voxels in the brain; choose"):
        thresholds.oracle_threshold(values, brain, np.zeros_like(truth))


def test_no_lesion_anywhere_means_no_validation():
    free = weighted_curve(np.array([0.9]), [50], [0])
    with pytest.raises(SettingError, match="None of the 2 validation subjects has a lesion"):
        validation_threshold([free] * 2)
