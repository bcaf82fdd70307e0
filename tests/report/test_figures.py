"""Figures of rows made by hand, their captions and files."""

import csv
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers.rows import GROUP, dice_rows, put, put_map, with_dice
from zsad_core.cli.main import main
from zsad_core.errors import DataError
from zsad_core.inference.engine import Engine
from zsad_core.methods import name_of
from zsad_core.metrics.intervals import intervals
from zsad_core.report import captions, charts, prints
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.figures import NOT_DRAWN, Maps, write_all
from zsad_core.report.measures import means
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results


def figure_1(root):
    frame = dice_rows(root)
    return charts.by_method(frame, means(frame))


def test_figure_1_has_means_with_intervals_over_patients(tmp_path):
    values = {"P1-000": 0.2, "P1-001": 0.4, "P2-000": 0.5, "P3-000": 0.9}
    for subject, value in values.items():
        put(tmp_path, subject, slices=with_dice(value))
    for subject in ("P1-000", "P1-001", "P2-000"):  # two patients
        put(tmp_path, subject, method="A few", slices=with_dice(0.3))
    frame = dice_rows(tmp_path)
    low, high = intervals(
        ["P1", "P1", "P2", "P3"], np.zeros(4, int), [*values.values()], np.ones(4)
    )
    *_, rim, mean = figure_1(tmp_path).data
    assert (rim.showlegend, rim.hoverinfo) == (False, "skip")
    assert (mean.name, list(mean.x)) == (charts.MEAN, ["A few", "WinCLIP"])
    assert list(mean.y) == pytest.approx([0.3, 0.5])
    assert np.isnan([mean.error_y.array[0], mean.error_y.arrayminus[0]]).all()
    assert mean.error_y.array[1] == pytest.approx(high[0] - 0.5)
    assert mean.error_y.arrayminus[1] == pytest.approx(0.5 - low[0])
    assert list(mean.text) == ["", f" [{low[0]:.3f}, {high[0]:.3f}]"]
    assert ([*map(int, mean.hovertext)], mean.customdata) == ([3, 4], None)  # of no one subject

    axis = prints.by_method(frame, means(frame)).axes[0]
    ends = [bars for bars in axis.collections for bars in bars.get_segments() if len(bars)]
    drawn = {tuple(np.round(segment[:, 1], 9)) for segment in ends if np.isfinite(segment).all()}
    assert drawn == {(round(low[0], 9), round(high[0], 9))}
    for figure in (captions.FIGURE_1, captions.figure_3("brain")):
        assert (
            "95 % interval: percentile bootstrap over patients, 10,000 resamples, seed 0" in figure
        )


def test_long_names_leave_figure_1_its_panels(tmp_path):
    put(tmp_path, "a", slices=with_dice(0.5))
    long = "Predictions of another model, {} % of the range, anywhere, split main (0a1b2c3d)"
    names = [long.format(rule) for rule in (10, 20, 30, 40)]
    one = dice_rows(tmp_path)
    frame = pd.concat([one.assign(setup=setup, series=name) for setup in "xyz" for name in names])
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Matplotlib warns where it gives up
        figure = prints.by_method(frame, means(frame))
        prints.save(figure, "A caption.", tmp_path / "figure1")
    for axis in figure.axes:
        assert axis.get_window_extent().width > figure.bbox.width / 5


def test_captions_name_rules_counts_and_what_flatters(tmp_path):
    put(tmp_path, "a", prompts_tuned=True)
    put(tmp_path, "b", checkpoint_digest="other")
    caption = captions.caption(dice_rows(tmp_path, exposed=True), Selection(GROUP, exposed=True))
    for words in (
        "synthetic demo cohort",
        "threshold: validation",
        "slices with lesion",
        "2 subjects",
        "6 slices in each configuration's mean",
        "float32, CPU",
        "Mixed weights: WinCLIP brats",
        "Exposed, so optimistic: a; checkpoint, prompts, threshold or references have seen them.",
    ):
        assert words in caption
    oracle = Selection(ComparisonGroup("demo", "t2f", "axial", "oracle"))
    assert "uses the ground truth" in captions.caption(dice_rows(tmp_path), oracle)


def test_crosses_of_figure_2_are_3d_dice(tmp_path):
    put(tmp_path, "a", slices=with_dice(0.8))
    put(tmp_path, "b", slices=with_dice(0.2))
    figure = charts.by_subject(dice_rows(tmp_path))
    cross = next(trace for trace in figure.data if trace.type == "scatter")
    assert dict(zip(cross.x, cross.y, strict=True)) == {"a": 0.8, "b": 0.2}
    data = dict(zip(cross.x, cross.customdata, strict=True))
    assert data["b"] == ["b", "b-brats-winclip"]
    assert figure.layout.xaxis.categoryarray == ("b", "a")


def test_every_comparison_group_is_written(tmp_path):
    for subject, value in (("a", 0.2), ("b", 0.4), ("c", 0.9)):
        for setup in ("brats", "pmc"):
            put(tmp_path / "rows", subject, setup, slices=with_dice(value))
    put(
        tmp_path / "rows", "a", threshold_rule="fixed", threshold_value=0.25, slices=((0, 0, 1, 0),)
    )
    paths = write_all(tmp_path / "rows", tmp_path / "out", Maps(Engine(), []))
    folder = tmp_path / "out" / "demo-t2f-axial-validation"
    for name in ("figure1", "figure2", "figure3", "ranks"):
        with Image.open(folder / f"{name}.png") as image:
            assert image.info["dpi"][0] == pytest.approx(300, abs=1)
        text = " ".join(ET.parse(folder / f"{name}.svg").getroot().itertext())
        assert "threshold: validation" in " ".join(text.split())
        page = (folder / f"{name}.html").read_text()
        assert "threshold: validation" in page
        assert '<script src="http' not in page
    assert (folder / "plotly.min.js").stat().st_size > 10**6
    with open(folder / "dice.csv", encoding="utf-8-sig") as lines:
        assert next(lines).startswith("# Dice by setup and method")
        assert [float(row["3D Dice"]) for row in csv.DictReader(lines)] == [pytest.approx(0.5)] * 2
    assert "not in the data at hand" in (folder / "not_drawn.txt").read_text()
    names = ("dice", "setups", "failures", "seen", "lesion_size", "lesion_volume", "lesion_number")
    names += ("depth",)
    for name in (*names, "site"):
        assert (folder / f"{name}.md").exists()
        assert r"\end{table}" in (folder / f"{name}.tex").read_text()
    fixed_folder = tmp_path / "out" / "demo-t2f-axial-value-0-25"
    assert not (fixed_folder / "figure1.png").exists()  # a lesion-free subject alone has no Dice
    assert (fixed_folder / "figure3.png").exists()
    assert {*paths, folder / "plotly.min.js", fixed_folder / "plotly.min.js"} == {
        path for path in (tmp_path / "out").rglob("*") if path.is_file()
    }


def test_a_csv_joins_the_rows_of_an_export_by_their_names(tmp_path):
    for subject, value in (("a", 0.2), ("b", 0.4), ("c", 0.9)):
        for method, setup in (("winclip", "brats"), ("winclip", "pmc"), ("mvfa", "brats")):
            put(tmp_path / "rows", subject, setup, method, slices=with_dice(value))
    put(tmp_path / "rows", "d", "pmc", "aprilgan", slices=with_dice(1), exposure=["seen"])
    put(tmp_path / "rows", "a", threshold_rule="oracle", slices=with_dice(0.5))
    paths = write_all(tmp_path / "rows", tmp_path / "out", Maps(Engine(), []))
    rows = pd.read_csv(results.export_csv(tmp_path / "rows", tmp_path)[0])
    known = {*rows[["method", "setup", "prompts"]].itertuples(index=False, name=None)}
    titles = {name_of(method): method for method in rows["method"].unique()}
    read = {path: pd.read_csv(path, comment="#") for path in paths if path.suffix == ".csv"}
    assert {path.stem for path in read} > {"dice", "setups", "comparisons", "thresholds", "seen"}
    for path, table in read.items():
        for prefix in ("", "against_") if path.stem == "comparisons" else ("",):
            names = table[[f"{prefix}method_id", "setup", f"{prefix}prompts"]]
            if prefix:
                names = names.assign(setup=table["against_setup"])
            assert {*names.itertuples(index=False, name=None)} <= known
        shown = table["method" if "method" in table else "configuration"].tolist()
        assert [titles[name.split(" · ")[0]] for name in shown] == table["method_id"].tolist()


def test_the_command_draws_another_modality_as_further_series(tmp_path, capsys):
    for subject in "abc":
        for modality, value in (("t2f", 0.5), ("t1c", 0.7)):
            put(tmp_path / "rows", subject, modality=modality, slices=with_dice(value))
    command = ["figures", "--results", str(tmp_path / "rows"), "--out", str(tmp_path / "out")]
    assert main([*command, "--also", "modality=t1c"]) == 0
    series = {}
    for modality in ("t2f", "t1c"):
        with open(
            tmp_path / f"out/demo-{modality}-axial-validation/dice.csv", encoding="utf-8-sig"
        ) as lines:
            next(lines)
            series[modality] = [row["method"] for row in csv.DictReader(lines)]
    assert series == {"t2f": ["WinCLIP, t1c", "WinCLIP, t2f"], "t1c": ["WinCLIP"]}
    drawn = tmp_path / "out/demo-t2f-axial-validation/figure1.svg"
    assert "WinCLIP, t1c" in ET.parse(drawn).getroot().itertext()
    assert main([*command, "--also", "setup"]) == 1
    assert "'setup' is no axis of figures" in capsys.readouterr().err


def test_published_captions_name_the_region_of_the_data(tmp_path):
    for subject in "abc":
        put(tmp_path / "rows", subject, slices=with_dice(0.5), best_dice=0.6, dice_3d=0.5)
        put_map(tmp_path / "rows", f"{subject}1", [90, 5, 1, 0], [10, 5, 3, 2])
    command = ["figures", "--results", str(tmp_path / "rows"), "--out", str(tmp_path / "out")]
    assert main([*command, "--region", "liver", "--slices", "brain", "--empty", "nan"]) == 0
    folder = tmp_path / "out/demo-t2f-axial-validation"
    texts = {path.stem: path.read_text() for path in folder.iterdir() if path.suffix == ".html"}
    assert {"figure3", "threshold_costs", "calibration"} <= {*texts}
    captions = {name: text[text.rindex("<p>") :] for name, text in texts.items()}
    assert "most superior slice of the liver" in captions["figure3"]
    assert "mean 2D Dice over slices with liver" in captions["figure1"]
    assert "depth 0 is the middle of the liver" in captions["figure1"]
    assert "in the liver and without component filter" in captions["threshold_costs"]
    assert "Voxels of the liver" in captions["calibration"]
    assert not [name for name, text in captions.items() if "brain" in text]


def test_figures_are_the_same_bytes_again(tmp_path):
    put(tmp_path / "rows", "a")
    for out in ("one", "two"):
        write_all(tmp_path / "rows", tmp_path / out, Maps(Engine(), []))
    first, second = (next((tmp_path / out).rglob("figure2.svg")) for out in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_without_rows_it_says_so(tmp_path):
    with pytest.raises(DataError, match="no rows"):
        write_all(tmp_path, tmp_path / "out", Maps(Engine(), []))


def test_the_unlabelled_set_stands_in_the_caption(tmp_path):
    for subject, volumes in (("a", ["b", "c"]), ("b", ["a", "c"]), ("d", ["a", "b", "c"])):
        put(tmp_path, subject, method="mutual3d", volumes=volumes)
    put(tmp_path, "a")
    caption = captions.caption(dice_rows(tmp_path), Selection(GROUP))
    assert (
        "Mutual 3D scored each subject against the unlabelled set a, b, c, itself excluded."
        in caption
    )
    put(tmp_path, "e", method="mutual3d", volumes=["a"])
    assert "a, b, c, not always all of it" in captions.caption(
        dice_rows(tmp_path), Selection(GROUP)
    )
    assert "unlabelled" not in captions.caption(
        dice_rows(tmp_path, series=("WinCLIP",)), Selection(GROUP)
    )


def test_lines_of_one_colour_are_told_apart_in_figure_1(tmp_path):
    for number in range(7):
        put(tmp_path, "a", method=f"m{number}")
    figure = figure_1(tmp_path)
    assert figure.layout.xaxis.dtick == 1  # each is named, however narrow
    traces = [trace for trace in figure.data if trace.type == "box"]
    boxes, points = traces[::2], traces[1::2]
    twins = [at for at, box in enumerate(boxes) if box.line.color == boxes[0].line.color]
    assert len(twins) == 2
    assert len({(boxes[at].fillcolor, points[at].marker.symbol) for at in twins}) == 2


def test_of_many_subjects_figure_1_draws_the_far_ones(tmp_path, monkeypatch):
    values = [0.5] * 4 + [0.4, 0.6] + [1.0]
    for number, value in enumerate(values):
        put(tmp_path, f"s{number}", slices=with_dice(value))
    box, points = figure_1(tmp_path).data[:2]
    assert len(points.y) == 7
    assert (box.q1[0], box.median[0], box.q3[0]) == pytest.approx((0.5, 0.5, 0.55))
    monkeypatch.setattr(charts, "MOST", 6)
    box, outliers, *_ = figure_1(tmp_path).data
    assert (box.q1[0], box.median[0], box.q3[0]) == pytest.approx((0.5, 0.5, 0.55))
    assert (box.lowerfence[0], box.upperfence[0]) == pytest.approx((0.5, 0.6))
    assert list(outliers.customdata) == [["s4", "s4-brats-winclip"], ["s6", "s6-brats-winclip"]]


def test_a_group_of_exposed_rows_alone_says_so_and_the_others_are_drawn(tmp_path):
    rows, maps = tmp_path / "rows", Maps(Engine(), [])
    put(rows, "b", exposure=["checkpoint trained on it"], threshold_rule="oracle")
    with pytest.raises(DataError, match="are of exposed subjects"):
        write_all(rows, tmp_path / "alone", maps)
    put(rows, "a")
    paths = write_all(rows, tmp_path / "out", maps)
    reasons = {path.parent.name: path.read_text() for path in paths if path.name == NOT_DRAWN}
    assert "are of exposed subjects" in reasons["demo-t2f-axial-oracle"]
    assert tmp_path / "out" / "demo-t2f-axial-validation" / "figure1.svg" in paths


def test_every_caption_names_the_exposed_subjects_that_are_left_out(tmp_path):
    put(tmp_path / "rows", "a")
    put(tmp_path / "rows", "b", exposure=["checkpoint trained on it"])
    paths = write_all(tmp_path / "rows", tmp_path / "out", Maps(Engine(), []))
    of_costs = {
        "threshold_costs.html",
        "thresholds.md",
    }  # of other subjects, with words of their own
    texts = [path for path in paths if path.suffix in (".html", ".md")]
    pages = [path.read_text() for path in texts if path.name not in of_costs]
    assert len(pages) > 3
    assert all("without rows of exposed subjects (b)" in page for page in pages)


def named(trace):
    """The subjects that the points of a trace stand for."""
    return [] if trace.customdata is None else [subject for subject, _ in trace.customdata]


def test_exposed_subjects_are_hatched_and_named(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b", exposure=["checkpoint trained on it"])
    put(tmp_path, "b", "zero-shot")
    frame = dice_rows(tmp_path, exposed=True)
    marks = [
        trace
        for trace in charts.by_method(frame, means(frame)).data
        if trace.name == charts.EXPOSED
    ]
    assert [(trace.marker.symbol, trace.showlegend) for trace in marks] == [("hash-open", True)]
    assert [mark.type for mark in marks] == ["box"]  # points beside each other, as the others
    assert [subject for subject, _ in marks[0].customdata] == ["b"]
    shown = [name for trace in charts.by_method(frame, means(frame)).data for name in named(trace)]
    assert sorted(shown) == ["a", "b", "b"]  # each once a configuration
    hatched = [trace for trace in charts.by_subject(frame).data if trace.type == "bar"]
    assert [(*trace.x, trace.marker.pattern.shape) for trace in hatched] == [("b", "/")]
    boxes = [box for axis in prints.by_subject(frame).axes for box in axis.patches]
    assert sum(box.get_hatch() == prints.HATCHING for box in boxes) == 1
    others = dice_rows(tmp_path)
    for rows, names in ((frame, [charts.MEAN, charts.EXPOSED]), (others, [charts.MEAN])):
        [legend] = prints.by_method(rows, means(rows)).legends
        assert [text.get_text() for text in legend.get_texts()] == names
    assert all(trace.name != charts.EXPOSED for trace in charts.by_subject(others).data)


def test_exposed_rows_are_in_no_mean_unless_asked_for(tmp_path):
    put(tmp_path, "a", slices=with_dice(0.2))
    put(tmp_path, "b", slices=with_dice(0.9), exposure=["checkpoint trained on it"])
    put(tmp_path, "c", slices=with_dice(1.0), prompts_tuned=True)
    assert dice_rows(tmp_path)["subject"].tolist() == ["a"]
    everybody = dice_rows(tmp_path, exposed=True)
    assert sorted(everybody["subject"]) == ["a", "b", "c"]
    with pytest.raises(DataError, match=r"All 1 row of .* are of exposed subjects"):
        dice_rows(tmp_path, subjects=("b",))
