"""Rows of one subject against the readout itself; every convention chosen after the fact."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.helpers.rows import mean_dice_2d
from zsad_core.imaging import slicing
from zsad_core.metrics import dice as metrics
from zsad_core.metrics import thresholds
from zsad_core.metrics.readout import readout
from zsad_core.results import (
    conventions,
    subject_rows,
)
from zsad_core.results import (
    parquet as results,
)
from zsad_core.results import (
    schema as result_schema,
)
from zsad_core.types import AnomalyMap, ReadoutSpec, SliceStack, Threshold

SHAPE = (14, 16, 15)
RULES = ("lesion_only", "nan", "both_empty_one")
MAP, VALUE = "the-map", 0.94
AT_VALUE = ReadoutSpec(threshold=VALUE)


def subject(seed, lesion=True):
    """A volume with empty slices at both ends, a lesion, and values that find part of it."""
    random = np.random.default_rng(seed)
    brain = np.zeros(SHAPE, bool)
    brain[2:-1, 2:-2, 3:-1] = random.random((11, 12, 11)) < 0.95
    brain[2:5, :, 9:] = False  # the centroid lies above the middle
    truth = np.zeros(SHAPE, bool)
    truth[5:9, 4:8, 5:9] = truth[11, 8:10, 4:6] = lesion
    values = random.random(SHAPE) * 1.2 + 0.7 * (truth & (random.random(SHAPE) < 0.7))
    image = random.integers(0, 255, SHAPE).astype(np.uint8)
    stack = SliceStack(image, brain, truth, (0, 1), 0.0015, (1.0, 1.0))
    scores = np.where(brain.any(axis=(1, 2)), random.random(SHAPE[0]), np.nan)
    return stack, AnomalyMap(values.astype(np.float32), scores.astype(np.float32), 2.0)


def kept(root, seeds=(1,), spec=AT_VALUE, lesion=True):
    """Rows of subjects in a results folder; what a task adds beside the numbers is left empty."""
    for seed in seeds:
        stack, anomaly = subject(seed, lesion)
        measured = subject_rows.measure(stack, anomaly)
        threshold = Threshold(spec.threshold, "fixed", "set by hand")
        found, slices = subject_rows.read_rows(stack, anomaly, measured, spec, threshold)
        key, map_key = f"row-{seed}", f"{MAP}-{seed}"
        rest = dict.fromkeys(set(result_schema.SUBJECTS) - set(found))
        results.append(root, "subjects", key, [{**rest, **found, "key": key, "map": map_key}])
        results.append(root, "slices", key, [{"key": key, **one} for one in slices])
        curve, levels = subject_rows.curve_rows(stack, anomaly, map_key)
        results.append(root, "curves", map_key, curve)
        results.append(root, "levels", map_key, levels)
    return results.opened(root)


def columns(rows, sql):
    return rows.sql(sql).df().to_dict("list")


def test_a_row_holds_the_numbers_of_the_readout(tmp_path):
    stack, anomaly = subject(1)
    expected = readout(stack, anomaly, ReadoutSpec(threshold=VALUE))
    with kept(tmp_path) as rows:
        found = columns(rows, "SELECT * FROM subjects")
    pairs = {
        "dice_3d": expected.dice_3d,
        "dice_2d": expected.mean_dice.value,
        "auroc": expected.auroc,
        "ap": expected.ap,
        "best_dice": expected.best_dice,
        "truth_ml": expected.truth_ml,
        "predicted_ml": expected.predicted_ml,
        "volume_difference_ml": expected.false_positive_ml - expected.false_negative_ml,
        "threshold_value": np.float32(VALUE),
    }
    for name, value in pairs.items():
        assert found[name] == [pytest.approx(value)], name
    missed = expected.false_negative_ml / expected.truth_ml
    assert found["recall"] == [pytest.approx(1 - missed)]
    assert found["precision"] == [
        pytest.approx(1 - expected.false_positive_ml / expected.predicted_ml)
    ]
    assert found["lesion_slices"] == [5]
    assert (found["slices"], found["brain_slices"]) == ([14], [11])


@pytest.mark.parametrize("rule", RULES)
def test_the_empty_slice_rule_is_chosen_after_the_fact(tmp_path, rule):
    stack, anomaly = subject(1)
    expected = readout(stack, anomaly, ReadoutSpec(threshold=VALUE, empty_slices=rule)).mean_dice
    with kept(tmp_path) as rows:
        every = mean_dice_2d(rows, rule)
        brain = mean_dice_2d(rows, rule, "brain")
        lesion = mean_dice_2d(rows, rule, "lesion")
    assert every["dice"][0] == pytest.approx(expected.value)
    assert every["slices"][0] == expected.slices_counted
    dice = readout(stack, anomaly, ReadoutSpec(threshold=VALUE, empty_slices=rule)).dice
    for rows_of, where in ((brain, stack.brain), (lesion, stack.truth)):
        chosen = dice[where.any(axis=(1, 2))]
        assert rows_of["dice"][0] == pytest.approx(np.nanmean(chosen))
        assert rows_of["slices"][0] == np.isfinite(chosen).sum()


@pytest.mark.parametrize("centre", ["middle", "centroid"])
def test_both_centres_stand_in_every_slice(tmp_path, centre):
    stack, _ = subject(1)
    with kept(tmp_path) as rows:
        found = columns(rows, f"SELECT depth_{centre} FROM slices ORDER BY index")
    np.testing.assert_allclose(found[f"depth_{centre}"], slicing.depths(stack.brain, centre))


@pytest.mark.parametrize("threshold", [2.0, VALUE], ids=["nothing", "false alarms"])
def test_a_lesion_free_subject_has_no_dice_whatever_is_predicted(tmp_path, threshold):
    spec = ReadoutSpec(threshold=threshold)
    with kept(tmp_path, spec=spec, lesion=False) as rows:
        found = columns(
            rows, "SELECT dice_3d, dice_2d, recall, best_threshold, auroc FROM subjects"
        )
    assert all(pd.isna(values[0]) for values in found.values())


@pytest.mark.parametrize("value", [0.0, 0.3, VALUE, 1.5, 2.0])
def test_another_threshold_follows_from_the_levels(tmp_path, value):
    stack, anomaly = subject(1)
    with kept(tmp_path) as rows:
        found = conventions.at_threshold(rows, value).df().sort_values("index")
    (used,) = found["threshold"].unique()
    assert value <= used < value + 0.05 or used == np.inf
    counts = (found[name].to_numpy(np.int64) for name in ("truth", "predicted", "overlap"))
    mask = stack.brain & (anomaly.values >= np.float32(used))
    inside = stack.brain.any(axis=(1, 2))
    assert len(found) == inside.sum()
    np.testing.assert_allclose(
        metrics.dice(*counts), metrics.dice_per_slice(stack.truth, mask)[inside]
    )


def test_a_pooled_oracle_follows_from_the_curves(tmp_path):
    seeds = (1, 2, 3)
    with kept(tmp_path, seeds) as rows:
        curves = conventions.curves_of(rows, [f"{MAP}-{seed}" for seed in seeds])
    some = [subject(seed) for seed in seeds]
    value = thresholds.validation_threshold(list(curves.values()))

    def mean(at):
        masks = [stack.brain & (anomaly.values >= np.float32(at)) for stack, anomaly in some]
        dice = [
            metrics.dice_3d(stack.truth.sum(), mask.sum(), (mask & stack.truth).sum())
            for (stack, _), mask in zip(some, masks, strict=True)
        ]
        return np.mean(dice)

    lesions = [anomaly.values[stack.truth & stack.brain] for stack, anomaly in some]
    assert mean(value) >= max(map(mean, np.unique(np.concatenate(lesions)))) - 1e-4


def test_lesions_are_listed_so_that_another_cut_can_be_taken(tmp_path):
    with kept(tmp_path) as rows:
        found = columns(rows, "SELECT * FROM subjects")
    volumes = found["brats2025_lesion_mm3"][0]
    assert sorted(volumes) == [pytest.approx(6.0), pytest.approx(96.0)]  # 1.5 mm³ voxels
    kept_ones = np.asarray(volumes) >= 20
    dice = np.asarray(found["brats2025_lesion_dice"][0])[kept_ones]
    false = found["brats2025_false_positives"][0]
    assert found["brats2025_dice"] == [pytest.approx(dice.sum() / (len(dice) + false))]
    # two slices apart: their dilations meet, so the 2023 rule sees one lesion
    assert found["brats2023_lesion_mm3"][0].tolist() == [pytest.approx(102.0)]
    assert found["brats2023_lesion_slice"][0].tolist() == [5]


def test_the_component_filter_acts_on_counts_and_not_on_ranks(tmp_path):
    plain = kept(tmp_path / "plain").sql("SELECT predicted, auroc FROM subjects").fetchall()[0]
    spec = ReadoutSpec(threshold=VALUE, min_component_voxels=30)
    fewer = kept(tmp_path / "fewer", spec=spec)
    predicted, auroc = fewer.sql("SELECT predicted, auroc FROM subjects").fetchall()[0]
    assert predicted < plain[0]
    assert auroc == plain[1]


def test_a_mask_is_ranked_by_nothing(tmp_path):
    stack, anomaly = subject(1)
    mask = replace(anomaly, values=(anomaly.values > 1).astype(np.float32), high=1.0, binary=True)
    measured = subject_rows.measure(stack, mask)
    names = ("best_dice", "best_threshold", "auroc", "ap", "pro", "slice_auroc", "slice_ap")
    assert np.isnan([measured.facts[name] for name in names]).all()
    assert np.isnan(measured.of_slices["auroc"]).all()
