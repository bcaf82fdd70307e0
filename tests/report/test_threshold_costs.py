"""What a threshold rule costs, on rows made by hand."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.rows import GROUP, put, put_map, with_dice
from zsad_core.base.palette import styles
from zsad_core.errors import DataError
from zsad_core.inference.engine import Engine
from zsad_core.report import captions, threshold_costs, threshold_prints
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.figures import Maps, write
from zsad_core.report.selection import Selection
from zsad_core.report.tables import thresholds
from zsad_core.results import parquet as results

KINDS = ("svg", "png", "html")
ORACLE = {"P1-000": 0.9, "P1-001": 0.8, "P2-000": 0.5, "P3-000": 0.7, "P4-000": 0.6}
DICE = {
    "validation": {"P1-000": 0.7, "P1-001": 0.6, "P2-000": 0.5, "P3-000": 0.1, "P4-000": 0.4},
    "share:2%": {"P1-000": 0.3, "P1-001": 0.6, "P2-000": 0.1, "P3-000": 0.1},
}


@pytest.fixture
def rows(tmp_path):
    for rule, of_subjects in DICE.items():
        for subject, dice in of_subjects.items():
            slices = with_dice(dice)
            columns = {"dice_3d": dice, "best_dice": ORACLE[subject], "threshold_rule": rule}
            put(tmp_path, subject, slices=slices, **columns)
    put(tmp_path, "P1-000", dice_3d=0.2, best_dice=0.9, threshold_rule="oracle", brain_only=False)
    put(tmp_path, "P5-000", dice_3d=None, best_dice=None, threshold_rule="share:2%")
    with results.connect(tmp_path) as connection:
        yield connection


def costs(rows, **choice):
    return threshold_costs.costs(rows, Selection(GROUP, **choice))


def test_rules_are_compared_on_the_subjects_that_each_has(rows):
    frame = costs(rows)
    assert set(frame["subject"]) == set(DICE["share:2%"])
    assert list(frame["rule"].cat.categories) == ["validation", "share:2%"]
    for _, row in frame.iterrows():
        assert row["dice_3d"] == pytest.approx(DICE[row["rule"]][row["subject"]])
        assert row["loss"] == pytest.approx(ORACLE[row["subject"]] - row["dice_3d"])


def test_the_table_has_means_losses_and_intervals_over_patients(rows):
    table = threshold_costs.means(costs(rows)).set_index("threshold")
    assert table["subjects"].tolist() == [4, 4]
    assert table.loc["validation", "3D Dice"] == pytest.approx((0.7 + 0.6 + 0.5 + 0.1) / 4)
    assert table.loc["share:2%", "3D Dice"] == pytest.approx((0.3 + 0.6 + 0.1 + 0.1) / 4)
    assert table["oracle"].tolist() == pytest.approx([(0.9 + 0.8 + 0.5 + 0.7) / 4] * 2)
    assert table.loc["validation", "loss"] == pytest.approx(0.725 - 0.475)
    for name in ("3D Dice", "oracle", "loss"):
        assert (table[f"{name} low"] <= table[name]).all()
        assert (table[name] <= table[f"{name} high"]).all()
    # Resamples of the losses 0.2 + 0.2, 0 and 0.6 of three patients.
    assert table.loc["validation", "loss low"] == pytest.approx(0)
    assert table.loc["validation", "loss high"] == pytest.approx(0.6)
    assert table.loc["share:2%", "source"] == "from the images alone"


def test_conditions_of_reading_are_not_mixed(rows):
    other = ComparisonGroup("demo", "t2f", "axial", "oracle, outside the region too")
    frame = threshold_costs.costs(rows, Selection(other))
    assert frame[["subject", "rule"]].to_numpy().tolist() == [["P1-000", "oracle"]]
    assert "outside the region too" in captions.of_costs(frame, Selection(other))


def test_exposed_rows_stay_out(rows, tmp_path):
    put(tmp_path, "P6-000", dice_3d=0.1, best_dice=0.9, exposure=["threshold tuned on it"])
    put(tmp_path, "P6-000", dice_3d=0.1, best_dice=0.9, threshold_rule="share:2%")
    with results.connect(tmp_path) as connection:
        assert "P6-000" not in set(costs(connection)["subject"])
        assert "P6-000" in set(costs(connection, exposed=True)["subject"])


def test_the_caption_names_data_and_no_single_rule(rows):
    [table] = thresholds(rows, Selection(GROUP))
    assert "synthetic demo cohort, t2f, axial, test" in table.caption
    assert "4 subjects with lesion" in table.caption
    assert "upper bound, not a result" in table.caption
    assert "threshold: " not in table.caption


def test_the_figure_has_a_point_for_each_rule_and_configuration(rows):
    means = threshold_costs.means(costs(rows))
    figure = threshold_costs.chart(means)
    [points] = figure.data
    assert list(points.x) == ["validation", "share:2%"]
    assert list(points.y) == pytest.approx(means["loss"].tolist())


def test_a_series_has_one_style_whatever_else_a_figure_lacks(rows):
    means = threshold_costs.means(costs(rows))
    (name,) = means["method"].unique()
    looks = styles(sorted([name, "A mask", "Another"]))
    assert looks[name] != styles([name])[name]
    [points] = threshold_costs.chart(means, ["A mask", "Another"]).data
    assert points.marker.color == looks[name][0]
    [axis] = threshold_prints.costs(means, ["A mask", "Another"]).axes
    assert axis.lines[0].get_color() == looks[name][0]


def test_the_print_has_the_losses_and_intervals_of_the_table(rows):
    means = threshold_costs.means(costs(rows))
    [axis] = threshold_prints.costs(means).axes
    assert [label.get_text() for label in axis.get_xticklabels()] == ["validation", "share:2%"]
    assert list(axis.lines[0].get_ydata()) == pytest.approx(means["loss"].tolist())
    [bars] = axis.collections
    low, high = np.array([segment[:, 1] for segment in bars.get_segments()]).T
    assert low == pytest.approx(means["loss low"])
    assert high == pytest.approx(means["loss high"])


def test_nothing_in_common_is_said(rows):
    with pytest.raises(DataError, match="widen one of them"):
        costs(rows, setups=("none",))
    with pytest.raises(DataError, match="No subject with a lesion has scores at each"):
        costs(rows, subjects=("P5-000",))
    assert thresholds(rows, replace(Selection(GROUP), subjects=("P5-000",))) == []


def test_the_files_of_figures_have_costs_and_calibration(rows, tmp_path):
    put_map(tmp_path, "P1-000", [90, 5, 1, 0], [10, 5, 3, 2])
    with results.connect(tmp_path) as connection:
        paths = write(connection, Selection(GROUP), tmp_path / "out", Maps(Engine(), [], False))
    names = {path.name for path in paths}
    charts = {f"{name}.{kind}" for name in ("threshold_costs", "calibration") for kind in KINDS}
    assert {"thresholds.csv", *charts} <= names
    for name in ("threshold_costs", "calibration"):
        text = " ".join(ET.parse(tmp_path / f"out/{name}.svg").getroot().itertext())
        assert "percentile bootstrap over patients" in " ".join(text.split())
    assert "in the brain and without component filter" in (
        tmp_path / "out/threshold_costs.html"
    ).read_text("utf-8")
