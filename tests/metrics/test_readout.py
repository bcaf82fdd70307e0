"""The numbers of one volume, worked out by hand."""

import numpy as np
import pytest

from zsad_core.metrics import dice as metrics
from zsad_core.metrics import thresholds
from zsad_core.metrics.readout import readout
from zsad_core.types import AnomalyMap, ReadoutSpec, SliceStack

VOXEL_ML = 0.5


def stack_of(truth, brain=None):
    shape = (3, 2, 4)
    image = np.zeros(shape, np.uint8)
    brain = np.ones(shape, bool) if brain is None else brain
    return SliceStack(image, brain, truth, (0, 1), VOXEL_ML, (1, 1))


@pytest.fixture
def truth():
    """Four lesion voxels in slice 0, two in slice 1, none in slice 2."""
    truth = np.zeros((3, 2, 4), bool)
    truth[0, 0], truth[1, 0, :2] = True, True
    return truth


@pytest.fixture
def anomaly():
    """Reaches 0.8 in 3 lesion voxels of slice 0, 1 of slice 1, and 2 healthy ones of slice 2."""
    values = np.full((3, 2, 4), 0.04, np.float32)
    values[0, 0, :3], values[1, 0, 0], values[2, 1, 2:] = 0.8, 0.8, 0.8
    return AnomalyMap(values, np.zeros(3, np.float32), 2.0)


def test_volumes_and_dice_by_hand(truth, anomaly):
    numbers = readout(stack_of(truth), anomaly, ReadoutSpec(threshold=0.8))
    assert numbers.threshold == 0.8
    assert (numbers.predicted_ml, numbers.truth_ml) == (3.0, 3.0)
    assert (numbers.false_positive_ml, numbers.false_negative_ml) == (1.0, 1.0)
    np.testing.assert_allclose(numbers.dice, [6 / 7, 2 / 3, np.nan])
    assert numbers.dice_3d == pytest.approx(8 / 12)
    assert numbers.mean_dice == metrics.MeanDice(
        pytest.approx((6 / 7 + 2 / 3) / 2), 2, "lesion_only"
    )
    assert numbers.notes == ()


def test_ranking_by_hand(truth, anomaly):
    numbers = readout(stack_of(truth), anomaly, ReadoutSpec())
    above, ties = 4 * 16, 4 * 2 + 2 * 16  # lesion and healthy pairs, of 6 lesion and 18 healthy
    assert numbers.auroc == pytest.approx((above + ties / 2) / (6 * 18))
    assert numbers.ap == pytest.approx(4 / 6 * 4 / 6 + 2 / 6 * 6 / 24)
    assert numbers.best_dice == pytest.approx(8 / 12)


@pytest.mark.parametrize(
    ("rule", "last", "mean"),
    [
        ("lesion_only", np.nan, (6 / 7 + 2 / 3) / 2),
        ("nan", 0.0, (6 / 7 + 2 / 3) / 3),
        ("both_empty_one", 0.0, (6 / 7 + 2 / 3) / 3),
    ],
)
def test_the_empty_slice_rule_reaches_the_numbers(truth, anomaly, rule, last, mean):
    numbers = readout(stack_of(truth), anomaly, ReadoutSpec(empty_slices=rule))
    np.testing.assert_equal(numbers.dice[2], last)
    assert numbers.mean_dice.value == pytest.approx(mean)
    assert numbers.mean_dice.rule == rule


def test_without_truth_there_are_volumes_only(anomaly):
    numbers = readout(stack_of(None), anomaly, ReadoutSpec())
    assert numbers.predicted_ml == 3.0
    truth_numbers = (
        numbers.truth_ml,
        numbers.false_positive_ml,
        numbers.dice,
        numbers.dice_3d,
        numbers.auroc,
    )
    assert truth_numbers == (None,) * 5
    assert numbers.notes == ("No segmentation: volumes and maps only, no Dice.",)


def test_a_lesion_free_truth_has_no_dice_and_says_what_is_false(truth, anomaly):
    numbers = readout(stack_of(np.zeros_like(truth)), anomaly, ReadoutSpec())
    undefined = (numbers.dice_3d, numbers.mean_dice, numbers.auroc, numbers.ap, numbers.best_dice)
    assert undefined == (None,) * 5
    assert (numbers.truth_ml, numbers.false_positive_ml, numbers.false_negative_ml) == (
        0.0,
        3.0,
        0.0,
    )
    assert np.isnan(numbers.dice).all()
    assert numbers.notes == (
        "No lesion in the truth: no Dice; everything predicted is false positive (3.0 ml).",
    )


def test_an_empty_prediction_misses_everything(truth, anomaly):
    numbers = readout(stack_of(truth), anomaly, ReadoutSpec(threshold=0.81))
    assert (numbers.predicted_ml, numbers.dice_3d) == (0.0, 0.0)
    assert numbers.false_negative_ml == numbers.truth_ml


def test_what_lies_outside_the_brain_counts_only_on_request(truth, anomaly):
    brain = np.ones_like(truth)
    brain[2] = False
    inside = readout(stack_of(truth, brain), anomaly, ReadoutSpec())
    anywhere = readout(stack_of(truth, brain), anomaly, ReadoutSpec(brain_only=False))
    assert (inside.predicted_ml, anywhere.predicted_ml) == (2.0, 3.0)
    assert (inside.false_positive_ml, anywhere.false_positive_ml) == (0.0, 1.0)


def test_small_components_leave_the_mask_but_not_the_ranking(truth, anomaly):
    unfiltered = readout(stack_of(truth), anomaly, ReadoutSpec())
    numbers = readout(stack_of(truth), anomaly, ReadoutSpec(min_component_voxels=3))
    assert numbers.predicted_ml == 2.0  # 3 + 1 joined voxels stay, the 2 healthy ones go
    assert numbers.dice_3d == pytest.approx(8 / 10)
    assert (numbers.auroc, numbers.best_dice) == (unfiltered.auroc, unfiltered.best_dice)


def test_the_oracle_level_reads_out_as_the_best_dice(truth, anomaly):
    stack = stack_of(truth)
    value = thresholds.oracle_threshold(anomaly.values, stack.brain, truth)
    best = readout(stack, anomaly, ReadoutSpec(threshold=value))
    assert best.dice_3d == pytest.approx(best.best_dice)
    for threshold in np.unique(anomaly.values):
        assert readout(stack, anomaly, ReadoutSpec(threshold=threshold)).dice_3d <= best.dice_3d


def test_dice_cannot_be_written_to(truth, anomaly):
    assert not readout(stack_of(truth), anomaly, ReadoutSpec()).dice.flags.writeable
