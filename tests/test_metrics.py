"""Metrics against answers worked out by hand, and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from zsad_core import metrics

RULES = ("lesion_only", "nan", "both_empty_one")


def masks(*rows):
    """Each row of 0 and 1 is one slice of one line of pixels."""
    return np.array(rows, dtype=bool)[:, None, :]


TRUTH = masks([1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0])
PREDICTED = masks([1, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])


@pytest.fixture(params=range(4), ids="seed{}".format)
def volume(request):
    """Levels with many ties, a brain with an empty slice, and a lesion inside it."""
    random = np.random.default_rng(request.param)
    brain = random.random((5, 6, 7)) < 0.8
    brain[0] = False
    truth = brain & (random.random(brain.shape) < 0.3)
    truth[1] = False
    levels = random.integers(0, 12, brain.shape) * 20 + 20 * truth
    return levels.astype(np.uint8), brain, truth


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("lesion_only", [0.5, np.nan, np.nan, 0.0]),
        ("nan", [0.5, 0.0, np.nan, 0.0]),
        ("both_empty_one", [0.5, 0.0, 1.0, 0.0]),
    ],
)
def test_each_empty_slice_rule(rule, expected):
    dice = metrics.dice_per_slice(TRUTH, PREDICTED, rule)
    np.testing.assert_array_equal(dice, expected)


@pytest.mark.parametrize(
    ("rule", "value", "counted"),
    [("lesion_only", 0.25, 2), ("nan", 0.5 / 3, 3), ("both_empty_one", 0.375, 4)],
)
def test_mean_dice_names_its_rule_and_counts_its_slices(rule, value, counted):
    found = metrics.mean_dice(metrics.dice_per_slice(TRUTH, PREDICTED, rule), rule)
    assert found == metrics.MeanDice(pytest.approx(value), counted, rule)


def test_mean_dice_of_no_slice_is_nan():
    found = metrics.mean_dice(np.full(3, np.nan), "nan")
    assert np.isnan(found.value)
    assert found.slices_counted == 0


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="unknown empty-slice rule 'all'"):
        metrics.dice_per_slice(TRUTH, PREDICTED, "all")


def test_dice_3d_pools_the_slices():
    assert metrics.dice_3d(TRUTH, PREDICTED) == pytest.approx(2 * 1 / (3 + 3))


def test_dice_3d_without_lesion_is_nan():
    assert np.isnan(metrics.dice_3d(np.zeros_like(TRUTH), PREDICTED))
    assert np.isnan(metrics.dice_3d(np.zeros_like(TRUTH), np.zeros_like(TRUTH)))


@pytest.mark.parametrize("function", [metrics.dice_3d, metrics.dice_per_slice])
def test_masks_of_two_shapes_are_refused(function):
    with pytest.raises(ValueError, match="differ in shape"):
        function(TRUTH, PREDICTED[:-1])


def test_histograms_count_brain_voxels_only():
    levels = np.array([[[5, 5, 9, 9]], [[5, 5, 5, 5]]], np.uint8)
    brain = masks([1, 1, 1, 0], [0, 0, 0, 0])
    truth = masks([0, 1, 1, 1], [0, 0, 0, 0])
    found = metrics.histograms(levels, brain, truth)
    assert found.shape == (2, 2, 256)
    assert found[0, metrics.HEALTHY, [5, 9]].tolist() == [1, 0]
    assert found[0, metrics.LESION, [5, 9]].tolist() == [1, 1]
    assert found.sum() == 3


def test_histograms_refuse_a_brain_of_another_shape():
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.histograms(np.zeros((2, 1, 4), np.uint8), TRUTH[:2, :, :3], TRUTH[:2])


def test_auroc_and_ap_agree_with_scikit_learn(volume):
    levels, brain, truth = volume
    histogram = metrics.histograms(levels, brain, truth).sum(axis=0)
    where = truth[brain], levels[brain]
    assert metrics.auroc(histogram) == pytest.approx(roc_auc_score(*where))
    assert metrics.average_precision(histogram) == pytest.approx(average_precision_score(*where))


def test_dice_at_every_level_agrees_with_scikit_learn(volume):
    levels, brain, truth = volume
    histogram = metrics.histograms(levels, brain, truth)
    whole = metrics.dice_at_levels(histogram.sum(axis=0))
    for level in (0, 20, 21, 100, 240):
        reached = levels[brain] >= level
        assert whole[level] == pytest.approx(f1_score(truth[brain], reached))
        for s in range(2, len(levels)):
            one = f1_score(truth[s][brain[s]], levels[s][brain[s]] >= level)
            assert metrics.dice_at_levels(histogram)[s, level] == pytest.approx(one)


@pytest.mark.parametrize("rule", RULES)
def test_dice_from_histograms_is_dice_from_masks(volume, rule):
    levels, brain, truth = volume
    at_levels = metrics.dice_at_levels(metrics.histograms(levels, brain, truth), rule)
    for level in (0, 60, 130, 255):
        from_masks = metrics.dice_per_slice(truth, brain & (levels >= level), rule)
        np.testing.assert_allclose(at_levels[:, level], from_masks)


def test_no_level_beats_best_dice(volume):
    levels, brain, truth = volume
    best = metrics.best_dice(metrics.histograms(levels, brain, truth).sum(axis=0))
    every = [metrics.dice_3d(truth, brain & (levels >= level)) for level in range(256)]
    assert best == pytest.approx(max(every))


def test_ranking_is_undefined_without_both_classes():
    healthy, lesion = np.zeros((2, 256), np.int64), np.zeros((2, 256), np.int64)
    healthy[metrics.HEALTHY, 3] = lesion[metrics.LESION, 3] = 4
    assert np.isnan(metrics.auroc(healthy))
    assert np.isnan(metrics.auroc(lesion))
    assert np.isnan(metrics.average_precision(healthy))
    assert np.isnan(metrics.best_dice(healthy))
    assert metrics.average_precision(lesion) == 1.0


def test_a_constant_map_ranks_by_chance():
    histogram = np.zeros((2, 256), np.int64)
    histogram[:, 7] = 30, 10
    assert metrics.auroc(histogram) == 0.5
    assert metrics.average_precision(histogram) == 0.25
