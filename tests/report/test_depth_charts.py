"""Figure 3: what is drawn, on which axis, and what a click or a hover is told."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest

from zsad_core.base.palette import COLOURS
from zsad_core.metrics.depth import depth_curve
from zsad_core.report import prints
from zsad_core.report.depth_charts import by_depth, by_slice


def depth_figure(curves, lines=()):
    """One panel without a name."""
    return by_depth(
        {("", name): line for name, line in curves.items()}, [""], lines or list(curves)
    )


def curve(dice, lesion=(4, 0, 2)):
    depth = np.array([-0.9, 0.1, 0.9])
    return depth_curve(depth, np.array(dice), np.array(lesion), ["a", "b", "c"], bins=4)


def of_three_patients(*dice):
    """A curve of three slices of as many patients in each bin that has a list of Dice."""
    depth = np.repeat(np.linspace(-0.9, 0.9, len(dice)), 3)
    values = np.concatenate([one or [np.nan] * 3 for one in dice])
    patients = ["a", "b", "c"] * len(dice)
    return depth_curve(depth, values, np.ones(len(depth), int), patients, bins=len(dice))


@pytest.fixture
def depths():
    return depth_figure(
        {"one · a": curve([0.2, np.nan, 0.4]), "two · b": curve([0.5, 0.6, 0.7], (4, 1, 2))}
    )


@pytest.fixture
def slices():
    depth = np.array([np.nan, -1, 0, 1, np.nan])
    dice = {"one": np.array([1, 0.2, np.nan, 0.4, 1]), "two": np.array([1, 0.0, 0.1, 0.2, 1])}
    return by_slice(depth, dice, np.array([True, True, False, True, False]))


def of_kind(figure, kind):
    return [trace for trace in figure.data if isinstance(trace, kind)]


def test_depth_draws_one_line_a_method_and_one_set_of_bars(depths):
    assert [line.name for line in of_kind(depths, go.Scatter)] == ["one · a", "two · b"]
    assert len(of_kind(depths, go.Bar)) == 1


def test_bars_lie_behind_on_the_right_and_lines_on_the_left(depths):
    assert isinstance(depths.data[0], go.Bar)
    assert depths.data[0].yaxis == "y"  # the first axis, which is drawn first
    assert {line.yaxis for line in of_kind(depths, go.Scatter)} == {"y2"}
    assert depths.layout.yaxis.side == "right"
    assert depths.layout.yaxis2.side == "left"
    assert depths.layout.yaxis2.overlaying == "y"


def test_depth_shows_the_curve_and_its_counts(depths):
    line = of_kind(depths, go.Scatter)[0]
    np.testing.assert_allclose(line.x, [-0.75, -0.25, 0.25, 0.75])
    np.testing.assert_allclose(line.y, [0.2, np.nan, np.nan, 0.4])
    assert [list(row) for row in line.customdata] == [
        *([1, 1, "one · a"], [0, 0, "one · a"]),
        *([0, 0, "one · a"], [1, 1, "one · a"]),
    ]


def test_bars_are_those_of_the_widest_curve(depths):
    assert list(depths.data[0].y) == [1, 0, 1, 1]
    assert depths.data[0].width == 0.5
    assert [row[2] for row in depths.data[0].customdata] == [""] * 4


def test_dice_has_one_scale_whatever_the_values(depths, slices):
    for figure in (depths, slices):
        low, high = figure.layout.yaxis2.range
        assert low <= 0 < 1 <= high < 1.1


def test_slices_are_counted_in_whole_numbers(depths):
    assert depths.layout.yaxis.dtick == 1
    assert depths.layout.yaxis.range[0] == 0


def test_a_depth_figure_without_curves_is_refused():
    with pytest.raises(ValueError, match="at least one curve"):
        depth_figure({})


def test_a_click_on_a_point_tells_the_slice_and_the_line(slices):
    first, second = of_kind(slices, go.Scatter)
    assert [list(row) for row in first.customdata] == [[1, "one", 2], [2, "one", 3], [3, "one", 4]]
    assert [row[1] for row in second.customdata] == ["two"] * 3
    np.testing.assert_allclose(first.x, [-1, 0, 1])
    np.testing.assert_allclose(first.y, [0.2, np.nan, 0.4])
    assert "markers" in first.mode


def test_bars_stand_where_the_brain_has_lesion(slices):
    bars = of_kind(slices, go.Bar)[0]
    assert list(bars.x) == [-1, 1]
    assert [list(row) for row in bars.customdata] == [[1, "", 2], [3, "", 4]]
    assert bars.width == 1


def test_a_subject_without_lesion_or_with_one_slice_is_drawn():
    none = np.zeros(3, bool)
    assert by_slice(np.array([-1, 0, 1.0]), {"a": np.full(3, np.nan)}, none).data
    assert by_slice(np.array([np.nan, 0]), {"a": np.ones(2)}, np.array([False, True])).data


def test_lines_differ_in_colour_dash_and_marker():
    many = {f"line {n}": curve([0.1, 0.2, 0.3]) for n in range(len(COLOURS))}
    lines = of_kind(depth_figure(many), go.Scatter)
    assert len({line.line.color for line in lines}) == len(lines)
    assert len({line.line.dash for line in lines}) == len(lines)
    assert len({line.marker.symbol for line in lines}) == len(lines)


def test_a_line_keeps_its_colour_while_others_are_computed():
    late, lines = curve([0.1, 0.2, 0.3]), ["early", "late"]
    both = of_kind(depth_figure({"early": late, "late": late}), go.Scatter)
    alone = of_kind(depth_figure({"late": late}, lines), go.Scatter)
    assert alone[0].line.color == both[1].line.color
    values = {"late": np.array([0.1, 0.2])}
    sliced = by_slice(np.array([-1.0, 1.0]), values, np.array([True, True]), lines)
    assert of_kind(sliced, go.Scatter)[0].line.color == both[1].line.color


def test_figures_are_sober_and_leave_ground_and_text_to_the_theme(depths, slices):
    for figure in (depths, slices):
        layout = figure.layout
        assert layout.title.text is None
        assert layout.font.color is None
        sizes = (layout.xaxis.tickfont.size, layout.xaxis.title.font.size, layout.legend.font.size)
        assert min(sizes) >= 14
        assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
        assert layout.xaxis.title.text
        assert json.loads(figure.to_json())["data"]


def test_a_band_in_the_colour_of_its_line_is_the_interval():
    there = of_three_patients([0.2, 0.4, 0.9], [0.3, 0.3, 0.6], [], [0.1, 0.2, 0.3])
    curves = {("brats", "winclip"): there, ("brats", "other"): curve([0.1, 0.2, 0.3])}
    band, line, other = of_kind(by_depth(curves, ["brats"]), go.Scatter)
    assert (band.fill, band.hoverinfo, band.showlegend) == ("toself", "skip", False)
    assert (band.legendgroup, line.name, other.name) == ("winclip", "winclip", "other")
    red, green, blue = (int(line.line.color[i : i + 2], 16) for i in (1, 3, 5))
    assert band.fillcolor == f"rgba({red}, {green}, {blue}, 0.25)"
    low, high, centres = there.low, there.high, there.centres
    assert list(band.x) == [*centres[[0, 1, 1, 0]], None, *centres[[3, 3]], None]
    assert list(band.y) == [*low[:2], *high[[1, 0]], None, low[3], high[3], None]
    assert line.text[0] == f" [{low[0]:.3f}, {high[0]:.3f}]"
    assert line.text[2] == ""
    assert "%{y:.3f}%{text}" in line.hovertemplate
    assert not any(other.text)

    axis = prints.by_depth(curves, ["brats"]).axes[0]
    filled = [band for band in axis.collections if len(band.get_paths())]
    assert len(filled) == 1
    corners = np.concatenate([path.vertices for path in filled[0].get_paths()])
    assert {*corners[:, 1]} == {*low[np.isfinite(low)], *high[np.isfinite(high)]}
    assert filled[0].get_facecolor()[0][:3] == pytest.approx([red / 255, green / 255, blue / 255])


def test_a_setup_without_a_curve_has_no_panel():
    curves = {("brats", "winclip"): curve([0.2, np.nan, 0.4])}
    figure = by_depth(curves, ["industrial", "brats"])
    assert [title.text for title in figure.layout.annotations] == ["brats"]
    with pytest.raises(ValueError, match="at least one curve"):
        by_depth(curves, ["industrial"])
