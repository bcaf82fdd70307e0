"""Dice against answers worked out by hand; Python, SQL and sums by depth against each other."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from tests.helpers.rows import mean_dice_2d
from zsad_core.metrics import dice as metrics
from zsad_core.metrics.dice import EMPTY_RULES
from zsad_core.results import conventions, slice_sums

RULES = tuple(EMPTY_RULES)


def masks(*rows):
    """Each row of 0 and 1 is one slice of one line of pixels."""
    return np.array(rows, dtype=bool)[:, None, :]


TRUTH = masks([1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0])
PREDICTED = masks([1, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0])


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
    ("rule", "value", "slices"),
    [("lesion_only", 0.25, 2), ("nan", 0.5 / 3, 3), ("both_empty_one", 0.375, 4)],
)
def test_mean_dice_names_its_rule_and_counts_its_slices(rule, value, slices):
    mean = metrics.mean_dice(metrics.dice_per_slice(TRUTH, PREDICTED, rule), rule)
    assert mean == metrics.MeanDice(pytest.approx(value), slices, rule)


def test_mean_dice_of_no_slice_is_nan():
    mean = metrics.mean_dice(np.full(3, np.nan), "nan")
    assert np.isnan(mean.value)
    assert mean.slices_counted == 0


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="unknown empty-slice rule 'all'"):
        metrics.dice_per_slice(TRUTH, PREDICTED, "all")


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.dice_per_slice(TRUTH, PREDICTED[:-1])


def test_dice_3d_pools_the_slices_and_needs_a_lesion():
    assert metrics.dice_3d(3, 3, 1) == pytest.approx(2 * 1 / (3 + 3))
    assert np.isnan(metrics.dice_3d(0, 3, 0))
    assert np.isnan(metrics.dice_3d(0, 0, 0))


def test_shares_are_precision_and_recall():
    random = np.random.default_rng(0)
    truth, predicted = random.random((2, 500)) < 0.3
    overlap = np.count_nonzero(predicted & truth)
    assert metrics.share(overlap, predicted.sum()) == pytest.approx(
        precision_score(truth, predicted)
    )
    assert metrics.share(overlap, truth.sum()) == pytest.approx(recall_score(truth, predicted))
    dice = metrics.dice(truth.sum(), predicted.sum(), overlap)
    assert float(dice) == pytest.approx(f1_score(truth, predicted))
    assert np.isnan(metrics.share(0, 0))


@pytest.fixture(scope="module")
def counts():
    """Thousands of slices of random counts, every empty case among them, in 40 volumes."""
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 6, (2, 6000)) * (random.random((2, 6000)) < 0.7)
    overlap = (np.minimum(truth, predicted) * random.random(6000)).round().astype(int)
    brain = truth + random.integers(0, 2, 6000)
    table = {"truth": truth, "predicted": predicted, "overlap": overlap, "brain": brain}
    key = np.char.add("v", random.integers(0, 40, 6000).astype(str))
    depth = random.uniform(-1, 1, 6000)
    return pd.DataFrame({**table, "key": key, "depth_middle": depth, "depth_centroid": depth})


@pytest.mark.parametrize("rule", RULES)
def test_sql_and_python_have_one_dice(counts, rule):
    with duckdb.connect() as connection:
        connection.register("counts", counts)
        sql = connection.sql(f"SELECT {metrics.dice_sql(rule)} AS dice FROM counts").df()["dice"]
    dice = metrics.dice(counts["truth"], counts["predicted"], counts["overlap"], rule)
    np.testing.assert_array_equal(dice, sql.to_numpy(float))
    for row in counts.sample(200, random_state=1).itertuples():
        single = metrics.dice(row.truth, row.predicted, row.overlap, rule)
        np.testing.assert_array_equal(single, dice[row.Index])


@pytest.mark.parametrize("which", conventions.WHICH_SQL)
@pytest.mark.parametrize("rule", RULES)
def test_means_of_sums_by_depth_are_means_of_slices(counts, rule, which):
    with duckdb.connect() as connection:
        connection.register("slices", counts)
        sums = connection.sql(slice_sums.sums_sql("slices", "middle")).df()
        by_key = mean_dice_2d(connection, rule, which).set_index("key")
    sums_by_key = sums.groupby("key")[list(slice_sums.NAMES)].sum()
    means = slice_sums.by_convention(sums_by_key, rule, which)
    inside = {"all": True, "brain": counts["brain"] > 0, "lesion": counts["truth"] > 0}[which]
    dice = metrics.dice(counts["truth"], counts["predicted"], counts["overlap"], rule)
    expected = (
        pd.Series(np.where(inside, dice, np.nan)).groupby(counts["key"]).agg(["mean", "count"])
    )
    np.testing.assert_allclose(means["dice"] / means["slices"], expected["mean"])
    np.testing.assert_array_equal(means["slices"], expected["count"])
    np.testing.assert_allclose(by_key.loc[expected.index, "dice"], expected["mean"])
    np.testing.assert_array_equal(by_key.loc[expected.index, "slices"], expected["count"])
