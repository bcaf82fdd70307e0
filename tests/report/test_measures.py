"""Dice, failures and depth curves of rows made by hand."""

import numpy as np
import pytest

from tests.helpers.rows import GROUP, dice_rows, put, row, with_dice
from zsad_core.metrics.depth import depth_curve
from zsad_core.metrics.dice import dice, dice_sql
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.measures import curves, dice_table, group_sums
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results


def test_dice_and_failures_of_a_subject(tmp_path):
    put(tmp_path, "a")
    row = dice_rows(tmp_path).iloc[0]
    assert row["dice_3d"] == pytest.approx(2 * 3 / (6 + 7))
    assert (row["dice_2d"], row["slices"]) == (pytest.approx(0.5), 3)
    assert (row["q1"], row["median"], row["q3"]) == (0.25, 0.5, 0.75)
    assert (row["low"], row["high"]) == (0, 1)
    assert (row["lesion_slices"], row["overlooked"], row["healthy"], row["alarms"]) == (3, 1, 2, 1)


def test_the_whisker_ends_at_the_farthest_slice_within_reach(tmp_path):
    put(tmp_path, "a", slices=[row for d in (0.5, 0.5, 0.6, 0.6, 0.6, 0.0) for row in with_dice(d)])
    row = dice_rows(tmp_path).iloc[
        0
    ]  # quartiles 0.5 and 0.6: the fence is at 0.35, so 0.0 lies beyond
    assert (row["low"], row["high"]) == (pytest.approx(0.5), pytest.approx(0.6))


@pytest.mark.parametrize(
    ("choice", "mean", "slices"),
    [
        ({"empty": "nan"}, 1.5 / 4, 4),
        ({"empty": "both_empty_one"}, 2.5 / 5, 5),
        ({"empty": "nan", "which": "lesion"}, 0.5, 3),
        ({"third": "inferior"}, 1, 1),
        ({"third": "middle"}, 0.5, 1),
        ({"third": "superior"}, 0, 1),
        ({"third": "superior", "empty": "both_empty_one"}, 1 / 3, 3),
    ],
)
def test_conventions_and_thirds_after_the_fact(tmp_path, choice, mean, slices):
    put(tmp_path, "a")
    row = dice_rows(tmp_path, **choice).iloc[0]
    assert (row["dice_2d"], row["slices"]) == (pytest.approx(mean), slices)


def test_a_lesion_free_subject_has_alarms_and_no_dice(tmp_path):
    put(tmp_path, "a", slices=((0, 0, 4, 0), (0.1, 0, 0, 0)))
    row = dice_rows(tmp_path).iloc[0]
    assert row["volume"] == "lesion-free"
    assert np.isnan(row["dice_3d"])
    assert np.isnan(row["dice_2d"])
    assert (row["healthy"], row["alarms"]) == (2, 1)


def test_the_depth_curve_pools_slices(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b", slices=((-0.88, 10, 10, 2),))
    selection = Selection(GROUP)
    with results.connect(tmp_path) as rows:
        curve = curves(group_sums(rows, selection), selection)["brats", "WinCLIP"]
    assert curve.centres[1] == pytest.approx(-0.85)
    assert (curve.dice[1], curve.slices[1], curve.lesion_slices[1]) == (pytest.approx(0.6), 2, 2)
    assert np.isnan(curve.dice[0])
    assert (curve.slices.sum(), curve.lesion_slices.sum()) == (4, 4)


@pytest.mark.parametrize("choice", [{}, {"third": "inferior"}, {"empty": "nan", "which": "brain"}])
def test_the_curve_of_rows_is_that_of_slices_with_its_intervals(tmp_path, choice):
    random, parts = np.random.default_rng(0), []
    for subject in ("P1-000", "P1-001", "P2-000", "P3-000", "P4-000"):
        areas = random.integers(0, 4, (25, 2))
        depths = np.sort(random.uniform(-1, 1, 25))
        both = areas.min(axis=1)
        put(tmp_path, subject, slices=np.column_stack([depths, areas, both]).tolist())
        put(tmp_path, subject, "pmc", slices=[(0.0, 1, 1, 1)])
        third = depths < -1 / 3 if choice.get("third") else np.ones(25, bool)
        truth, predicted, both = (one[third] for one in (*areas.T, both))
        values = dice(truth, predicted, both, choice.get("empty", "lesion_only"))
        parts.append((depths[third], values, truth, [subject[:2]] * len(truth)))
    selection = Selection(GROUP, **choice)
    with results.connect(tmp_path) as rows:
        found = curves(group_sums(rows, selection), selection)["brats", "WinCLIP"]
    arrays = [np.concatenate(one) for one in zip(*parts, strict=True)]
    expected = depth_curve(*arrays[:3], arrays[3].tolist())
    assert np.isfinite(found.low).any()
    for name in ("dice", "slices", "lesion_slices", "low", "high"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-12)


def test_a_prediction_outside_the_brain_is_a_false_positive_too(tmp_path):
    put(tmp_path, "a", brain_only=False, slices=((0, 0, 0, 0),))
    key = "-".join(("b", "brats", "winclip", "False"))
    put(tmp_path, "b", brain_only=False, slices=((0, 0, 4, 0),))
    results.append(tmp_path, "slices", key, [row("slices", key=key, predicted=4)])
    selection = Selection(
        ComparisonGroup("demo", "t2f", "axial", "validation, outside the region too")
    )
    with results.connect(tmp_path) as rows:
        table = dice_table(group_sums(rows, selection), selection).set_index("subject")
    assert table["alarms"].to_dict() == {"a": 0, "b": 1}


@pytest.mark.parametrize("choice", [{}, {"third": "superior"}, {"empty": "nan", "which": "brain"}])
def test_sums_by_depth_are_what_one_query_finds(tmp_path, choice):
    random = np.random.default_rng(0)
    for subject in "abc":
        areas = random.integers(0, 3, (30, 2))
        depths = np.sort(random.uniform(-1, 1, 30)).tolist()
        slices = [(d, t, p, min(t, p)) for d, (t, p) in zip(depths, areas.tolist(), strict=True)]
        put(tmp_path, subject, slices=slices)
    selection = Selection(GROUP, **choice)
    condition = "depth_middle > 1.0 / 3" if selection.third else "true"
    dice = dice_sql(selection.empty)
    with results.connect(tmp_path) as rows:
        expected = rows.execute(f"""
            SELECT avg({dice}), count({dice}), count(*) FILTER (truth > 0 AND overlap = 0),
                   quantile_cont({dice}, 0.5)
            FROM slices WHERE {condition} GROUP BY key ORDER BY key
        """).fetchall()
    names = ["dice_2d", "slices", "overlooked", "median"]
    np.testing.assert_allclose(dice_rows(tmp_path, **choice)[names], expected)
