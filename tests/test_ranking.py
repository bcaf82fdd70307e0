"""PRO against a plain loop over regions and thresholds; slices against scikit-learn."""

import numpy as np
import pytest
from skimage.measure import label
from sklearn.metrics import (
    average_precision_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from zsad_core import metrics
from zsad_core.ranking import pro, share, slice_ranks


@pytest.fixture(params=range(6), ids="seed{}".format)
def volume(request):
    random = np.random.default_rng(request.param)
    brain = random.random((6, 16, 17)) < 0.9
    truth = random.random(brain.shape) < 0.15
    truth[0] = False
    levels = random.integers(0, 14, brain.shape) * (request.param + 1) + 60 * truth
    return levels.astype(np.uint8), brain, truth


def plain_pro(levels, brain, truth, limit):
    """Every region of every slice at every threshold, one at a time."""
    regions = []
    for s in range(len(levels)):
        numbered = label(truth[s] & brain[s], connectivity=2)
        regions += [(s, numbered == n) for n in range(1, numbered.max() + 1)]
    rates, heights = [0.0], [0.0]
    for threshold in range(255, -1, -1):
        reached = levels >= threshold
        rates.append((reached & brain & ~truth).sum() / (brain & ~truth).sum())
        heights.append(np.mean([reached[s][region].mean() for s, region in regions]))
    area = 0.0
    for a, b, low, high in zip(rates, rates[1:], heights, heights[1:], strict=False):
        if a >= limit or a == b:
            continue
        end = min(b, limit)
        top = low + (high - low) * (end - a) / (b - a)
        area += (end - a) * (low + top) / 2
    return area / limit


@pytest.mark.parametrize("limit", [0.3, 1.0])
def test_pro_agrees_with_a_plain_loop(volume, limit):
    assert pro(*volume, limit) == pytest.approx(plain_pro(*volume, limit))


def test_what_is_found_after_the_limit_is_too_late():
    levels, truth = np.array([[[9, 5, 1]]], np.uint8), np.array([[[False, False, True]]])
    assert pro(levels, np.ones_like(truth), truth, 1.0) == 0
    assert pro(10 - levels, np.ones_like(truth), truth, 1.0) == 1


def test_regions_weigh_the_same_whatever_their_size():
    levels = np.full((1, 4, 10), 10, np.uint8)
    truth, brain = np.zeros(levels.shape, bool), np.ones(levels.shape, bool)
    truth[0, :, :4] = True  # 16 voxels, missed
    truth[0, 0, 8] = True  # 1 voxel, found
    levels[truth & (np.arange(10) > 5)] = 200
    levels[truth & (np.arange(10) < 5)] = 0
    assert pro(levels, brain, truth) == pytest.approx(0.5)


def test_a_perfect_map_has_pro_1_and_a_constant_one_the_diagonal():
    truth = np.zeros((2, 5, 5), bool)
    truth[0, 1:3, 1:3] = True
    brain = np.ones_like(truth)
    assert pro((truth * 255).astype(np.uint8), brain, truth) == 1
    assert pro(np.full(truth.shape, 7, np.uint8), brain, truth) == pytest.approx(0.15)


def test_pro_is_undefined_without_both_classes():
    levels, full = np.zeros((1, 2, 2), np.uint8), np.ones((1, 2, 2), bool)
    assert np.isnan(pro(levels, full, ~full))
    assert np.isnan(pro(levels, full, full))
    with pytest.raises(ValueError, match="shapes differ"):
        pro(levels, full, full[:, :1])


@pytest.mark.parametrize("seed", range(4))
def test_slices_rank_as_in_scikit_learn(seed):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 9, 60) / 8
    lesion = random.random(60) < 0.3 + scores / 3
    found = slice_ranks(np.append(scores, np.nan), np.append(lesion, True))
    assert metrics.auroc(found) == pytest.approx(roc_auc_score(lesion, scores))
    assert metrics.average_precision(found) == pytest.approx(
        average_precision_score(lesion, scores)
    )


def test_slices_of_one_kind_have_no_auroc():
    assert np.isnan(metrics.auroc(slice_ranks(np.array([0.1, 0.2]), np.zeros(2, bool))))
    assert np.isnan(metrics.auroc(slice_ranks(np.full(2, np.nan), np.ones(2, bool))))


def test_shares_are_precision_and_recall(volume):
    levels, _, truth = volume
    predicted = levels >= 60
    both = np.count_nonzero(predicted & truth)
    where = truth.ravel(), predicted.ravel()
    assert share(both, predicted.sum()) == pytest.approx(precision_score(*where))
    assert share(both, truth.sum()) == pytest.approx(recall_score(*where))
    assert np.isnan(share(0, 0))
