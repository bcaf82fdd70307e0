"""What ranks against scikit-learn and plain loops, on values with and without ties."""

import numpy as np
import pytest
from skimage.measure import label
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from zsad_core.metrics import ranking
from zsad_core.metrics.ranking import in_brain, of_slices, pro, rank_weighted


@pytest.fixture(params=range(8), ids="seed{}".format)
def volume(request):
    """Values of many ties, or none, some saturated, with lesion outside the brain too."""
    random = np.random.default_rng(request.param)
    brain = random.random((6, 16, 17)) < 0.9
    brain[0] = False
    truth = random.random(brain.shape) < 0.15
    truth[1] = False
    values = random.random(brain.shape)
    if request.param % 2:
        values = np.floor(values * 14) / 14
    if request.param > 3:
        values = values**8 * 1e-3  # half of the brain below the first of 256 even levels
    values += truth * random.random(brain.shape) * values.max() / 2
    return values.astype(np.float32), brain, truth


def test_auroc_and_ap_are_scikit_learns(volume):
    values, brain, truth = volume
    ours, labels_and_scores = in_brain(values, brain, truth), (truth[brain], values[brain])
    assert ranking.auroc(ours) == pytest.approx(roc_auc_score(*labels_and_scores), abs=1e-12)
    assert ranking.average_precision(ours) == pytest.approx(
        average_precision_score(*labels_and_scores), abs=1e-12
    )


@pytest.mark.slow
def test_best_dice_is_that_of_the_best_of_all_distinct_values(volume):
    values, brain, truth = volume
    ours = in_brain(values, brain, truth)
    dice_by_value = {
        v: f1_score(truth[brain], values[brain] >= v) for v in np.unique(values[brain])
    }
    assert ranking.best_dice(ours) == pytest.approx(max(dice_by_value.values()))
    best = [
        v for v, dice in dice_by_value.items() if dice == pytest.approx(max(dice_by_value.values()))
    ]
    assert np.float32(ranking.best_threshold(ours)) == min(best)


@pytest.mark.slow
def test_lesion_outside_the_brain_is_never_reached_and_counts(volume):
    values, brain, truth = volume
    ours, lesion_voxels = in_brain(values, brain, truth), float(truth.sum())
    dice_values = [
        f1_score(truth.ravel(), (brain & (values >= v)).ravel()) for v in np.unique(values)
    ]
    assert ranking.best_dice(ours, lesion_voxels) == pytest.approx(max(dice_values))


def test_weights_stand_for_as_many_elements():
    random = np.random.default_rng(0)
    scores = np.repeat(np.floor(random.random(40) * 9), 3)
    healthy, lesion = random.integers(0, 4, (2, 120))
    ours = rank_weighted(scores, healthy, lesion)
    truth = np.repeat(np.tile([0, 1], 120), np.stack([healthy, lesion], axis=1).ravel())
    values = np.repeat(np.repeat(scores, 2), np.stack([healthy, lesion], axis=1).ravel())
    assert ranking.auroc(ours) == pytest.approx(roc_auc_score(truth, values))
    assert ranking.average_precision(ours) == pytest.approx(average_precision_score(truth, values))


def test_ranking_is_undefined_without_both_classes():
    values, full = np.full((1, 2, 2), 0.5, np.float32), np.ones((1, 2, 2), bool)
    healthy, lesion = in_brain(values, full, ~full), in_brain(values, full, full)
    assert np.isnan([ranking.auroc(healthy), ranking.auroc(lesion)]).all()
    assert np.isnan([ranking.average_precision(healthy), ranking.best_dice(healthy)]).all()
    assert np.isnan(ranking.best_threshold(healthy))
    assert ranking.average_precision(lesion) == 1.0


def test_a_constant_map_ranks_by_chance():
    truth = np.arange(40).reshape(1, 4, 10) < 10
    ours = in_brain(np.full(truth.shape, 0.7, np.float32), np.ones_like(truth), truth)
    assert ranking.auroc(ours) == 0.5
    assert ranking.average_precision(ours) == 0.25


def reference_pro(values, brain, truth, limit):
    """Every region of every slice at every threshold, one at a time."""
    regions = []
    for s in range(len(values)):
        labels = label(truth[s] & brain[s], connectivity=2)
        regions += [(s, labels == n) for n in range(1, labels.max() + 1)]
    rates, heights = [0.0], [0.0]
    for threshold in np.unique(values)[::-1]:
        predicted = values >= threshold
        rates.append((predicted & brain & ~truth).sum() / (brain & ~truth).sum())
        heights.append(np.mean([predicted[s][region].mean() for s, region in regions]))
    area = 0.0
    for a, b, low, high in zip(rates, rates[1:], heights, heights[1:], strict=False):
        if a >= limit or a == b:
            continue
        end = min(b, limit)
        top = low + (high - low) * (end - a) / (b - a)
        area += (end - a) * (low + top) / 2
    return area / limit


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0.3, 1.0])
def test_pro_agrees_with_a_plain_loop(volume, limit):
    assert pro(*volume, limit) == pytest.approx(reference_pro(*volume, limit))


def test_what_is_found_after_the_limit_is_too_late():
    values, truth = np.array([[[9.0, 5.0, 1.0]]]), np.array([[[False, False, True]]])
    assert pro(values, np.ones_like(truth), truth, 1.0) == 0
    assert pro(10 - values, np.ones_like(truth), truth, 1.0) == 1


def test_regions_weigh_the_same_whatever_their_size():
    values = np.full((1, 4, 10), 10.0)
    truth, brain = np.zeros(values.shape, bool), np.ones(values.shape, bool)
    truth[0, :, :4] = True  # 16 voxels, missed
    truth[0, 0, 8] = True  # 1 voxel, found
    values[truth & (np.arange(10) > 5)] = 200
    values[truth & (np.arange(10) < 5)] = 0
    assert pro(values, brain, truth) == pytest.approx(0.5)


def test_a_perfect_map_has_pro_1_and_a_constant_one_the_diagonal():
    truth = np.zeros((2, 5, 5), bool)
    truth[0, 1:3, 1:3] = True
    brain = np.ones_like(truth)
    assert pro(truth.astype(np.float32), brain, truth) == 1
    assert pro(np.full(truth.shape, 7.0), brain, truth) == pytest.approx(0.15)


def test_pro_is_undefined_without_both_classes():
    values, full = np.zeros((1, 2, 2)), np.ones((1, 2, 2), bool)
    assert np.isnan(pro(values, full, ~full))
    assert np.isnan(pro(values, full, full))
    with pytest.raises(ValueError, match="shapes differ"):
        pro(values, full, full[:, :1])


@pytest.mark.parametrize("seed", range(4))
def test_slices_rank_as_in_scikit_learn(seed):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 9, 60) / 8
    lesion = random.random(60) < 0.3 + scores / 3
    ours = of_slices(np.append(scores, np.nan), np.append(lesion, True))
    assert ranking.auroc(ours) == pytest.approx(roc_auc_score(lesion, scores))
    assert ranking.average_precision(ours) == pytest.approx(average_precision_score(lesion, scores))


def test_slices_of_one_kind_have_no_auroc():
    assert np.isnan(ranking.auroc(of_slices(np.array([0.1, 0.2]), np.zeros(2, bool))))
    assert np.isnan(ranking.auroc(of_slices(np.full(2, np.nan), np.ones(2, bool))))
