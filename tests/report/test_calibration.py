"""Reliability of maps that are probabilities, on levels made by hand."""

import pytest

from tests.helpers.rows import GROUP, put_map
from zsad_core import methods
from zsad_core.report import calibration, threshold_prints
from zsad_core.report.selection import Selection, selected_rows
from zsad_core.results import parquet as results


def reliability(root):
    with results.connect(root) as rows:
        return calibration.reliability(rows, selected_rows(rows, Selection(GROUP)))


def test_the_share_of_lesion_stands_against_the_mean_value(tmp_path):
    put_map(tmp_path, "A-000", [90, 5, 1, 0], [10, 5, 3, 2])
    put_map(tmp_path, "B-000", [50, 0, 1, 1], [0, 0, 1, 1])
    table = reliability(tmp_path)
    assert table["bin"].tolist() == [2, 6, 9]
    assert table["voxels"].tolist() == [150, 10, 10]
    assert table["observed"].tolist() == pytest.approx([10 / 150, 0.5, 0.7])
    assert table["predicted"].tolist() == pytest.approx([0.2, 0.6, (6 * 0.95 + 4 * 1.0) / 10])


def test_intervals_are_over_patients(tmp_path):
    for name, lesion in (("A-000", 0), ("B-000", 5), ("C-000", 10)):
        put_map(tmp_path, name, [0, 10 - lesion, 0, 0], [0, lesion, 0, 0])
    [line] = reliability(tmp_path).to_dict("records")
    assert (line["observed low"], line["observed high"]) == (0, 1)


def test_other_maps_are_no_probabilities(tmp_path):
    put_map(tmp_path, "A-000", [1, 0, 0, 0], [0, 0, 0, 0], "intensity")
    put_map(tmp_path, "A-000", [1, 0, 0, 0], [0, 0, 0, 0], "anomalyclip", high=4.0)
    assert reliability(tmp_path).empty
    assert {n for n, kind in methods.METHODS.items() if kind.probability} == {
        "adaclip",
        "anomalyclip",
    }


def test_the_print_has_curve_intervals_and_diagonal(tmp_path):
    for name, lesion in (("A-000", 0), ("B-000", 5), ("C-000", 10)):
        put_map(tmp_path, name, [0, 10 - lesion, 0, 0], [0, lesion, 0, 0])
    [axis] = threshold_prints.reliability(reliability(tmp_path)).axes
    curve, *_, diagonal = axis.lines
    assert [*curve.get_xdata(), *curve.get_ydata()] == pytest.approx([0.6, 0.5])
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    [bars] = axis.collections
    assert bars.get_segments()[0][:, 1].tolist() == [0, 1]


def test_the_figure_has_a_curve_and_the_diagonal(tmp_path):
    put_map(tmp_path, "A-000", [90, 5, 1, 0], [10, 5, 3, 2])
    figure = calibration.chart(reliability(tmp_path))
    [curve], [diagonal] = figure.data, figure.layout.shapes
    assert (diagonal.x0, diagonal.y0, diagonal.x1, diagonal.y1) == (0, 0, 1, 1)
    assert list(curve.y) == pytest.approx([0.1, 0.5, 5 / 6])
