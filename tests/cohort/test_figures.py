"""Figures and tables of rows made by hand, with answers a person can compute."""

import csv
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.test_results import row
from zsad_core import conventions, results
from zsad_core.cohort import captions, charts
from zsad_core.cohort.comparisons import paired
from zsad_core.cohort.figures import Maps, write_all
from zsad_core.cohort.measures import curves, lesions, measured, quartiles, read
from zsad_core.cohort.selection import Selection, Sheet, runs, sheets
from zsad_core.cohort.table_text import Table, as_latex, as_markdown
from zsad_core.cohort.tables import by_size, dice, tables
from zsad_core.engine import Engine
from zsad_core.errors import DataError

SHEET = Sheet("demo", "t2f", "axial", "validation")
# Slices of a subject: depth, truth, predicted, overlap. Dice 1, 0.5, 0 and, by rule, none / 0 / 1.
SLICES = ((-0.88, 2, 2, 2), (-0.2, 2, 2, 1), (0.5, 2, 0, 0), (0.6, 0, 3, 0), (0.9, 0, 0, 0))


def put(root, subject, setup="brats", method="winclip", slices=SLICES, **given):
    """A subject's row and slices under one run."""
    key = "-".join((subject, setup, method, *map(str, given.values())))
    truth, predicted, overlap = (sum(one[i] for one in slices) for i in (1, 2, 3))
    facts = {
        "key": key,
        "subject": subject,
        "setup": setup,
        "method": method,
        "prompts": "medical",
        "prompts_digest": "d1",
        "data": "demo",
        "modality": "t2f",
        "plane": "axial",
        "split": "test",
        "threshold_rule": "validation",
        "brain_only": True,
        "precision_of_features": "float32",
        "device": "cpu",
        "truth": truth,
        "predicted": predicted,
        "overlap": overlap,
        "truth_ml": float(truth),
        "brats2023_missed": 1,
        "brats2023_true_positives": 1,
        "brats2023_lesion_mm3": [10.0, 300.0],
        "brats2023_lesion_found": [False, True],
        "brats2023_lesion_dice": [0.0, 0.6],
    }
    results.append(root, "subjects", key, [row("subjects", **{**facts, **given})])
    made = [
        row(
            "slices",
            key=key,
            index=i,
            depth_middle=one[0],
            depth_centroid=one[0] + 0.05,
            brain=9,
            truth=one[1],
            predicted=one[2],
            overlap=one[3],
        )
        for i, one in enumerate(slices)
    ]
    results.append(root, "slices", key, made)


def with_dice(value):
    """One slice whose Dice, and so the subject's, is the value: a multiple of 0.1."""
    return ((0.0, 10, 10, round(value * 10)),)


def found(root, **choice):
    chosen = Selection(SHEET, **choice)
    with results.connect(root) as rows:
        one = measured(read(rows, chosen), chosen)
        return one.merge(quartiles(rows, one, chosen), on="key", how="left")


def test_dice_and_failures_of_a_subject(tmp_path):
    put(tmp_path, "a")
    one = found(tmp_path).iloc[0]
    assert one["dice_3d"] == pytest.approx(2 * 3 / (6 + 7))
    assert (one["dice_2d"], one["slices"]) == (pytest.approx(0.5), 3)
    assert (one["q1"], one["median"], one["q3"]) == (0.25, 0.5, 0.75)
    assert (one["low"], one["high"]) == (0, 1)
    assert (one["lesion_slices"], one["overlooked"], one["healthy"], one["alarms"]) == (3, 1, 2, 1)


def test_the_whisker_ends_at_the_farthest_slice_within_reach(tmp_path):
    put(tmp_path, "a", slices=[one for d in (0.5, 0.5, 0.6, 0.6, 0.6, 0.0) for one in with_dice(d)])
    one = found(tmp_path).iloc[0]  # quartiles 0.5 and 0.6: the fence is at 0.35, so 0.0 lies beyond
    assert (one["low"], one["high"]) == (pytest.approx(0.5), pytest.approx(0.6))


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
    one = found(tmp_path, **choice).iloc[0]
    assert (one["dice_2d"], one["slices"]) == (pytest.approx(mean), slices)


def test_a_lesion_free_subject_has_alarms_and_no_dice(tmp_path):
    put(tmp_path, "a", slices=((0, 0, 4, 0), (0.1, 0, 0, 0)))
    one = found(tmp_path).iloc[0]
    assert one["volume"] == "lesion-free"
    assert np.isnan(one["dice_3d"])
    assert np.isnan(one["dice_2d"])
    assert (one["healthy"], one["alarms"]) == (2, 1)


def test_the_newest_of_equal_rows_counts(tmp_path):
    put(tmp_path, "a", date="2026-01-01", slices=with_dice(0.1))
    put(tmp_path, "a", date="2026-02-01", slices=with_dice(0.9))
    one = found(tmp_path)
    assert one["dice_3d"].tolist() == [pytest.approx(0.9)]


def test_sheets_keep_thresholds_apart(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b")
    put(tmp_path, "a", threshold_rule="fixed", level=128)
    put(tmp_path, "a", threshold_rule="oracle", min_component_voxels=5, brain_only=False)
    with results.connect(tmp_path) as rows:
        told = [one.threshold for one in sheets(rows)]
    assert told == [
        "validation",
        "level 128",
        "oracle, outside the brain too, components of 5 voxels",
    ]


def test_prompt_sets_are_lines_of_their_own(tmp_path):
    put(tmp_path, "a", method="intensity", prompts="", prompts_digest="")
    put(tmp_path, "a")
    assert sorted(found(tmp_path)["line"]) == ["intensity", "winclip"]
    put(tmp_path, "a", prompts="bank", prompts_digest="d2")
    put(tmp_path, "a", prompts="bank", prompts_digest="d3")
    assert sorted(found(tmp_path)["line"]) == [
        "intensity",
        "winclip (bank d2)",
        "winclip (bank d3)",
        "winclip (medical)",
    ]


def test_filters_and_what_is_left(tmp_path):
    put(tmp_path, "a", slices=((0, 2, 2, 1),), setup="pmc")
    put(tmp_path, "b", slices=((0, 20, 20, 10),))
    assert found(tmp_path, volumes=("10 ml and more",))["subject"].tolist() == ["b"]
    assert found(tmp_path, setups=("pmc",))["subject"].tolist() == ["a"]
    assert found(tmp_path)["setup"].tolist() == ["brats", "pmc"]
    with pytest.raises(DataError, match="No row of demo, t2f"):
        found(tmp_path, lines=("mvfa",))


def test_the_depth_curve_pools_slices(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b", slices=((-0.88, 10, 10, 2),))
    chosen = Selection(SHEET)
    with results.connect(tmp_path) as rows:
        curve = curves(read(rows, chosen), chosen)["brats", "winclip"]
    assert curve.centres[1] == pytest.approx(-0.85)
    assert (curve.dice[1], curve.slices[1], curve.lesion_slices[1]) == (pytest.approx(0.6), 2, 2)
    assert np.isnan(curve.dice[0])
    assert (curve.slices.sum(), curve.lesion_slices.sum()) == (4, 4)


def test_the_table_of_dice(tmp_path):
    for subject, value in (("a", 0.2), ("b", 0.4), ("c", 0.9)):
        put(tmp_path, subject, slices=with_dice(value))
    put(tmp_path, "d", slices=((0, 0, 1, 0),))
    one = dice(found(tmp_path)).iloc[0]
    assert (one["subjects"], one["slices"]) == (3, 3)
    assert one["3D Dice"] == pytest.approx(0.5)
    assert one["3D Dice sd"] == pytest.approx(np.sqrt((0.09 + 0.01 + 0.16) / 2))


def test_setups_are_paired_by_subject(tmp_path):
    pairs = {"a": (0.6, 0.5), "b": (0.7, 0.5), "c": (0.9, 0.6), "d": (0.4, 0.8), "e": (0.3, 0.3)}
    for subject, values in pairs.items():
        for setup, value in zip(("brats", "pmc"), values, strict=True):
            put(tmp_path, subject, setup, slices=with_dice(value))
    put(tmp_path, "f", "brats", slices=with_dice(1))  # not in pmc
    one = paired(found(tmp_path)).iloc[0]
    assert (one["measure"], one["setup"], one["against"]) == ("3D Dice", "brats", "pmc")
    assert one["subjects"] == 5
    assert one["median difference"] == pytest.approx(0.1)
    assert one["effect size"] == pytest.approx((1 + 2 + 3 - 4) / 10)
    # Of 16 signs of ranks 1 to 4 the smaller sum is 4 or less in 14: exact two-sided p.
    assert one["p"] == pytest.approx(14 / 16)


def test_three_setups_are_corrected_by_holm():
    rows = [
        {"site": "", "subject": f"s{n}", "line": "m", "setup": setup, "dice_3d": v, "dice_2d": v}
        for n in range(8)
        for setup, v in (("x", 0.9 - n / 100), ("y", 0.5 - n / 50), ("z", 0.5 - n / 50))
    ]
    table = paired(pd.DataFrame(rows)).query("measure == '3D Dice'").set_index(["setup", "against"])
    assert table.loc[("x", "y"), "p"] == pytest.approx(2 / 2**8)
    assert table.loc[("x", "y"), "p (Holm)"] == pytest.approx(3 * 2 / 2**8)
    assert table.loc[("y", "z"), "p (Holm)"] == 1
    assert table["effect size"].tolist() == [1, 1, 0]


def test_lesions_by_their_size(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b")
    with results.connect(tmp_path) as rows:
        table = by_size(lesions(rows, runs(rows, Selection(SHEET))))
    told = table[["size", "lesions", "missed", "lesion Dice"]].values.tolist()
    assert told == [["under 20 mm³", 2, 2, 0.0], ["0.2 to 2 ml", 2, 0, 0.6]]


def test_tables_as_text():
    frame = pd.DataFrame({"method": ["a_b|c"], "Dice": [0.5], "Dice sd": [np.nan], "n": [3]})
    table = Table("x", "50% of 5 mm³", frame)
    assert as_markdown(table).splitlines()[2:] == [
        "| method | Dice | n |",
        "| --- | --- | --- |",
        "| a_b\\|c | 0.500 ± – | 3 |",
    ]
    assert r"a\_b|c & 0.500 $\pm$ -- & 3 \\" in as_latex(table)
    assert r"\caption{50\% of 5 mm$^3$}" in as_latex(table)


def test_captions_name_rules_counts_and_what_flatters(tmp_path):
    put(tmp_path, "a", prompts_tuned=True)
    put(tmp_path, "b", checkpoint_digest="other")
    said = captions.of(found(tmp_path), Selection(SHEET))
    for words in (
        "synthetic demo cohort",
        "threshold: validation",
        "slices without lesion left out",
        "2 subjects",
        "6 slices in the means",
        "float32 on cpu",
        "Mixed weights: winclip brats",
        "1 rows flatter",
    ):
        assert words in said
    oracle = Selection(Sheet("demo", "t2f", "axial", "oracle"))
    assert "it saw the truth" in captions.of(found(tmp_path), oracle)


def test_crosses_of_figure_2_are_3d_dice(tmp_path):
    put(tmp_path, "a", slices=with_dice(0.8))
    put(tmp_path, "b", slices=with_dice(0.2))
    figure = charts.by_subject(found(tmp_path))
    cross = next(trace for trace in figure.data if trace.type == "scatter")
    assert dict(zip(cross.x, cross.y, strict=True)) == {"a": 0.8, "b": 0.2}
    data = dict(zip(cross.x, cross.customdata, strict=True))
    assert data["b"] == ["b", "winclip", "brats"]
    assert figure.layout.xaxis.categoryarray == ("b", "a")


def test_every_sheet_is_written(tmp_path):
    for subject, value in (("a", 0.2), ("b", 0.4), ("c", 0.9)):
        for setup in ("brats", "pmc"):
            put(tmp_path / "rows", subject, setup, slices=with_dice(value))
    put(tmp_path / "rows", "a", threshold_rule="fixed", level=9, slices=((0, 0, 1, 0),))
    written = write_all(tmp_path / "rows", tmp_path / "out", Maps(Engine(), []))
    folder = tmp_path / "out" / "demo-t2f-axial-validation"
    for number in (1, 2, 3):
        with Image.open(folder / f"figure{number}.png") as image:
            assert image.info["dpi"][0] == pytest.approx(300, abs=1)
        text = " ".join(ET.parse(folder / f"figure{number}.svg").getroot().itertext())
        assert "threshold: validation" in " ".join(text.split())
        page = (folder / f"figure{number}.html").read_text()
        assert "threshold: validation" in page
        assert '<script src="http' not in page
    assert (folder / "plotly.min.js").stat().st_size > 10**6
    with open(folder / "dice.csv") as lines:
        assert next(lines).startswith("# Dice by setup and method")
        assert [float(one["3D Dice"]) for one in csv.DictReader(lines)] == [pytest.approx(0.5)] * 2
    assert "not in the data at hand" in (folder / "not_drawn.txt").read_text()
    names = ("dice", "setups", "failures", "lesion_size", "lesion_volume", "lesion_number", "depth")
    for name in (*names, "site"):
        assert (folder / f"{name}.md").exists()
        assert r"\end{table}" in (folder / f"{name}.tex").read_text()
    other = tmp_path / "out" / "demo-t2f-axial-level-9"
    assert not (other / "figure1.png").exists()  # a lesion-free subject alone has no Dice
    assert (other / "figure3.png").exists()
    assert {*written, folder / "plotly.min.js", other / "plotly.min.js"} == {
        path for path in (tmp_path / "out").rglob("*") if path.is_file()
    }


def test_figures_are_the_same_bytes_again(tmp_path):
    put(tmp_path / "rows", "a")
    for out in ("one", "two"):
        write_all(tmp_path / "rows", tmp_path / out, Maps(Engine(), []))
    one, two = (next((tmp_path / out).rglob("figure2.svg")) for out in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_without_rows_it_says_so(tmp_path):
    with pytest.raises(DataError, match="no rows"):
        write_all(tmp_path, tmp_path / "out", Maps(Engine(), []))


def test_every_table_has_the_caption(tmp_path):
    put(tmp_path, "a")
    with results.connect(tmp_path) as rows:
        chosen = Selection(SHEET)
        for table in tables(rows, read(rows, chosen), chosen):
            assert "Data: synthetic demo cohort" in table.caption


def test_filters_of_number_and_site(tmp_path):
    put(tmp_path, "a", site="north", brats2023_missed=0)
    put(tmp_path, "b", site="south", brats2023_missed=3)
    put(tmp_path, "c", brats2023_missed=0, brats2023_true_positives=0)
    assert found(tmp_path)["site"].tolist() == ["north", "south", "no folder"]
    assert found(tmp_path, sites=("south",))["subject"].tolist() == ["b"]
    assert found(tmp_path, numbers=("1 lesion",))["subject"].tolist() == ["a"]
    assert found(tmp_path, numbers=("no lesion over 2 mm³",))["subject"].tolist() == ["c"]
    said = captions.of(found(tmp_path), Selection(SHEET, sites=("south",), numbers=("1 lesion",)))
    assert "only 1 lesion, south" in said


def test_failures_by_group(tmp_path):
    put(tmp_path, "a", site="north")
    put(tmp_path, "b", site="south", brats2023_missed=3, slices=((0, 20, 20, 10),))
    chosen = Selection(SHEET)
    with results.connect(tmp_path) as rows:
        every = {one.name: one for one in tables(rows, read(rows, chosen), chosen)}["failures"]
    told = every.frame.set_index(["by", "group"])
    whole = told.loc[("all", "")]
    assert (whole["subjects"], whole["lesions"], whole["missed"]) == (2, 6, 4)
    assert whole["missed share"] == pytest.approx(4 / 6)
    assert (whole["healthy slices"], whole["with false positive"]) == (2, 1)
    assert told.loc["site folder"]["missed"].tolist() == [1, 3]
    assert told.loc["number of lesions"]["lesions"].to_dict() == {"2 to 4 lesions": 6}
    assert told.loc["lesion volume"]["missed"].to_dict() == {"1 to 10 ml": 1, "10 ml and more": 3}
    thirds = told.loc["third of the depth"]
    assert thirds["with false positive"].to_dict() == {"inferior": 0, "middle": 0, "superior": 1}
    assert thirds["without overlap"].to_dict() == {"inferior": 0, "middle": 0, "superior": 1}
    assert thirds["missed"].isna().all()  # rows do not tell a lesion's depth
    assert "| third of the depth | superior | 2 | – | – | – |" in as_markdown(every)


def test_a_prediction_outside_the_brain_is_a_false_positive_too(tmp_path):
    put(tmp_path, "a", brain_only=False, slices=((0, 0, 0, 0),))
    key = "-".join(("b", "brats", "winclip", "False"))
    put(tmp_path, "b", brain_only=False, slices=((0, 0, 4, 0),))
    results.append(tmp_path, "slices", key, [row("slices", key=key, predicted=4)])
    chosen = Selection(Sheet("demo", "t2f", "axial", "validation, outside the brain too"))
    with results.connect(tmp_path) as rows:
        one = measured(read(rows, chosen), chosen).set_index("subject")
    assert one["alarms"].to_dict() == {"a": 0, "b": 1}


@pytest.mark.parametrize("choice", [{}, {"third": "superior"}, {"empty": "nan", "which": "brain"}])
def test_sums_by_depth_are_what_one_query_finds(tmp_path, choice):
    random = np.random.default_rng(0)
    for subject in "abc":
        both = random.integers(0, 3, (30, 2))
        depths = np.sort(random.uniform(-1, 1, 30)).tolist()
        slices = [(d, t, p, min(t, p)) for d, (t, p) in zip(depths, both.tolist(), strict=True)]
        put(tmp_path, subject, slices=slices)
    chosen = Selection(SHEET, **choice)
    within = "depth_middle > 1.0 / 3" if chosen.third else "true"
    dice = conventions.DICE_SQL[chosen.empty]
    with results.connect(tmp_path) as rows:
        expected = rows.execute(f"""
            SELECT avg({dice}), count({dice}), count(*) FILTER (truth > 0 AND overlap = 0),
                   quantile_cont({dice}, 0.5) FROM slices WHERE {within} GROUP BY key ORDER BY key
        """).fetchall()
    names = ["dice_2d", "slices", "overlooked", "median"]
    np.testing.assert_allclose(found(tmp_path, **choice)[names], expected)


def test_the_unlabelled_set_stands_in_the_caption(tmp_path):
    for subject, others in (("a", ["b", "c"]), ("b", ["a", "c"]), ("d", ["a", "b", "c"])):
        put(tmp_path, subject, method="mutual3d", volumes=others)
    put(tmp_path, "a")
    said = captions.of(found(tmp_path), Selection(SHEET))
    assert "mutual3d scored each subject against the unlabelled set a, b, c, less itself." in said
    put(tmp_path, "e", method="mutual3d", volumes=["a"])
    assert "a, b, c, not always all of it" in captions.of(found(tmp_path), Selection(SHEET))
    assert "unlabelled" not in captions.of(found(tmp_path, lines=("winclip",)), Selection(SHEET))


def test_of_many_subjects_figure_1_draws_the_far_ones(tmp_path, monkeypatch):
    values = [0.5] * 4 + [0.4, 0.6] + [1.0]
    for number, value in enumerate(values):
        put(tmp_path, f"s{number}", slices=with_dice(value))
    every = charts.by_method(found(tmp_path)).data
    assert [len(one.y) for one in every] == [7]
    monkeypatch.setattr(charts, "MOST", 6)
    box, far = charts.by_method(found(tmp_path)).data
    assert (box.q1[0], box.median[0], box.q3[0]) == pytest.approx((0.5, 0.5, 0.55))
    assert (box.lowerfence[0], box.upperfence[0]) == pytest.approx((0.5, 0.6))
    assert list(far.customdata) == [["s4", "winclip", "brats"], ["s6", "winclip", "brats"]]
