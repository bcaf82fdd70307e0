"""Tables of rows made by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.helpers.rows import GROUP, dice_rows, put, with_dice
from zsad_core.metrics.intervals import RESAMPLES, SEED
from zsad_core.report import captions
from zsad_core.report.comparisons import every_pair, paired, pairing
from zsad_core.report.measures import group_sums, lesions
from zsad_core.report.overview import subject_table
from zsad_core.report.selection import Selection, selected_rows
from zsad_core.report.table_text import Table, as_latex, as_markdown
from zsad_core.report.tables import by_size, dice, tables
from zsad_core.results import parquet as results


def test_the_table_of_dice(tmp_path):
    for subject, value in (("a", 0.2), ("b", 0.4), ("c", 0.9)):
        put(tmp_path, subject, slices=with_dice(value))
    put(tmp_path, "d", slices=((0, 0, 1, 0),))
    row = dice(dice_rows(tmp_path)).iloc[0]
    assert (row["subjects"], row["slices"]) == (3, 3)
    assert row["3D Dice"] == pytest.approx(0.5)
    assert row["3D Dice sd"] == pytest.approx(np.sqrt((0.09 + 0.01 + 0.16) / 2))


def test_subjects_with_a_2d_dice_alone_are_counted_beside_the_others(tmp_path):
    put(tmp_path, "a", slices=with_dice(0.2))
    put(tmp_path, "b", slices=((0, 0, 0, 0),), exposure=["checkpoint trained on it"])  # no lesion
    assert "2D subjects" not in dice(dice_rows(tmp_path, which="brain", exposed=True))
    seen = dice_rows(tmp_path, which="brain", exposed=True, empty="both_empty_one")
    columns = ["subjects", "exposed", "2D subjects", "3D Dice", "2D Dice"]
    assert dice(seen)[columns].to_numpy().tolist() == [[1, 1, 2, 0.2, 0.6]]
    put(tmp_path, "c", slices=((0, 0, 0, 0),), exposure=["checkpoint trained on it"])
    without = dice(dice_rows(tmp_path, which="brain", exposed=True))
    assert without[["subjects"]].to_numpy().tolist() == [[1]]
    assert without.get("exposed", [0])[0] == 0  # neither has a Dice


def test_exposed_subjects_are_counted_and_noted_where_they_are_taken(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b", exposure=["checkpoint trained on it"], prompts_tuned=True)
    assert "exposed" not in dice(dice_rows(tmp_path))
    taken = dice_rows(tmp_path, exposed=True)
    assert dice(taken)[["subjects", "exposed"]].to_numpy().tolist() == [[2, 1]]
    with results.connect(tmp_path) as rows:
        table = subject_table(rows, taken, ["3D Dice"]).frame.set_index("subject")
    assert (
        table.loc["b", "note"] == "exposed: prompts tuned on it; exposed: checkpoint trained on it"
    )
    assert table.loc["a", "note"] == ""


def test_setups_are_paired_by_subject(tmp_path):
    pairs = {"a": (0.6, 0.5), "b": (0.7, 0.5), "c": (0.9, 0.6), "d": (0.4, 0.8), "e": (0.3, 0.3)}
    for subject, values in pairs.items():
        for setup, value in zip(("brats", "pmc"), values, strict=True):
            put(tmp_path, subject, setup, slices=with_dice(value))
    put(tmp_path, "f", "brats", slices=with_dice(1))  # not in pmc
    row = paired(dice_rows(tmp_path)).iloc[0]
    assert (row["measure"], row["setup"], row["against"]) == ("3D Dice", "brats", "pmc")
    assert row["subjects"] == 5
    assert row["median difference"] == pytest.approx(0.1)
    assert row["effect size"] == pytest.approx((1 + 2 + 3 - 4) / 10)
    # Of 16 signs of ranks 1 to 4 the smaller sum is 4 or less in 14: exact two-sided p.
    assert row["p"] == pytest.approx(14 / 16)


def test_three_setups_are_corrected_by_holm():
    rows = [
        {"site": "", "subject": f"s{n}", "series": "m", "setup": setup, "dice_3d": v, "dice_2d": v}
        for n in range(8)
        for setup, v in (("x", 0.9 - n / 100), ("y", 0.5 - n / 50), ("z", 0.5 - n / 50))
    ]
    frame = pd.DataFrame(rows).assign(patient=[row["subject"] for row in rows])
    table = paired(frame).query("measure == '3D Dice'").set_index(["setup", "against"])
    assert table.loc[("x", "y"), "p"] == pytest.approx(2 / 2**8)
    assert table.loc[("x", "y"), "p (Holm)"] == pytest.approx(3 * 2 / 2**8)
    assert table.loc[("y", "z"), "p (Holm)"] == 1
    assert table["effect size"].tolist() == [1, 1, 0]


def test_every_configuration_is_compared_with_every_other(tmp_path):
    random, values = np.random.default_rng(5), {}
    for subject in "abcdefgh":
        for method in ("mvfa", "winclip"):
            values[method, subject] = round(random.random(), 1)
            put(tmp_path, subject, method=method, slices=with_dice(values[method, subject]))
    put(tmp_path, "i", method="mvfa", slices=with_dice(1))  # not evaluated with the other
    frame = dice_rows(tmp_path)
    row = every_pair(frame).query("measure == '3D Dice'").iloc[0]
    assert (row["configuration"], row["against"]) == ("MVFA · brats", "WinCLIP · brats")
    differences = np.array([values["mvfa", s] - values["winclip", s] for s in "abcdefgh"])
    assert (row["subjects"], row["left out"]) == (8, 1)
    assert row["mean difference"] == pytest.approx(differences.mean())
    ends = stats.bootstrap(
        (differences,), np.mean, method="percentile", n_resamples=RESAMPLES, rng=SEED
    ).confidence_interval
    assert (row["mean difference low"], row["mean difference high"]) == pytest.approx(ends)
    assert row["p"] == pytest.approx(stats.wilcoxon(differences.round(9)).pvalue)
    assert row["wins"] + row["ties"] + row["losses"] == 8
    assert row["wins"] == (differences > 1e-9).sum()
    mvfa, winclip = ("brats", "MVFA"), ("brats", "WinCLIP")
    subjects = pairing(frame, "dice_3d", mvfa, winclip)
    assert subjects.missing == {"i": winclip}
    worst = subjects.subjects.iloc[0]
    assert worst["difference"] == pytest.approx(differences.min())
    assert worst["second_key"].startswith(f"{worst['subject']}-brats-winclip")
    assert (subjects.subjects["outcome"] == "loss").sum() == row["losses"]


def test_time_points_of_a_patient_count_as_one_in_the_test():
    rows = [
        {"site": "", "subject": subject, "series": "m", "setup": setup, "dice_3d": v, "dice_2d": v}
        for patient in range(6)
        for time_point in range(3)
        for subject in (f"B-MET-0000{patient}-00{time_point}",)
        for setup, v in (("x", 0.9 - patient / 100), ("y", 0.5 + time_point / 100))
    ]
    frame = pd.DataFrame(rows)
    table = paired(frame.assign(patient=frame["subject"].str[:-4])).query("measure == '3D Dice'")
    assert table["subjects"].tolist() == [18]
    assert table["p"].tolist() == pytest.approx([2 / 2**6])


def test_lesions_by_their_size(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b")
    with results.connect(tmp_path) as rows:
        table = by_size(lesions(rows, selected_rows(rows, Selection(GROUP)), Selection(GROUP)))
    put(tmp_path, "c", **of_lesions(2.0, detected=[False], slices=[0]))  # too small for the rule
    with results.connect(tmp_path) as rows:
        with_small = lesions(rows, selected_rows(rows, Selection(GROUP)), Selection(GROUP))
    assert len(with_small) == 5
    assert by_size(with_small).equals(table)
    rows_of_sizes = table[["size", "lesions", "missed", "lesion Dice"]].values.tolist()
    assert rows_of_sizes == [["under 20 mm³", 2, 2, 0.0], ["0.2 to 2 ml", 2, 0, 0.6]]


def failures_of(root, **choice):
    selection = Selection(GROUP, **choice)
    with results.connect(root) as rows:
        by_name = {
            table.name: table for table in tables(rows, group_sums(rows, selection), selection)
        }
    return by_name["failures"], by_name["failures"].frame.set_index(["by", "group"])


def of_lesions(*mm3, detected, slices):
    """Columns of a subject's lesions, those of more than 2 mm³ counted."""
    counted = [hit for size, hit in zip(mm3, detected, strict=True) if size > 2]
    return {
        "brats2023_missed": counted.count(False),
        "brats2023_true_positives": counted.count(True),
        "brats2023_lesion_mm3": list(mm3),
        "brats2023_lesion_found": list(detected),
        "brats2023_lesion_dice": [0.5 * hit for hit in detected],
        "brats2023_lesion_slice": list(slices),
    }


def test_failures_by_group(tmp_path):
    put(tmp_path, "a", site="north")
    four = of_lesions(10.0, 10.0, 10.0, 300.0, detected=[False] * 3 + [True], slices=[0] * 4)
    put(tmp_path, "b", site="south", slices=((0, 20, 20, 10),), **four)
    table, groups = failures_of(tmp_path)
    total = groups.loc[("all", "")]
    assert (total["subjects"], total["lesions"], total["missed"]) == (2, 6, 4)
    assert total["missed share"] == pytest.approx(4 / 6)
    assert (total["healthy slices"], total["with false positive"]) == (2, 1)
    assert groups.loc["site folder"]["missed"].tolist() == [1, 3]
    assert groups.loc["number of lesions"]["lesions"].to_dict() == {"2 to 4 lesions": 6}
    assert groups.loc["lesion volume"]["missed"].to_dict() == {"1 to 10 ml": 1, "10 ml and more": 3}
    thirds = groups.loc["third of the depth"]
    assert thirds["with false positive"].to_dict() == {"inferior": 0, "middle": 0, "superior": 1}
    assert thirds["without overlap"].to_dict() == {"inferior": 0, "middle": 0, "superior": 1}
    assert "| third of the depth | middle | 2 | 4 | 3 | 0.750 |" in as_markdown(table)


def test_missed_lesions_by_third_of_the_depth(tmp_path):
    # Slices 0 to 4 lie at depths -0.88, -0.2, 0.5, 0.6 and 0.9; 2 mm³ are too small to count.
    sizes, hits = (9.0, 9.0, 9.0, 9.0, 2.0), (False, True, False, False, False)
    put(tmp_path, "a", **of_lesions(*sizes, detected=hits, slices=[0, 1, 2, 4, 3]))
    put(tmp_path, "b", **of_lesions(9.0, 9.0, detected=(True, False), slices=[0, 0]))
    thirds = failures_of(tmp_path)[1].loc["third of the depth"]
    assert thirds["lesions"].to_dict() == {"inferior": 3, "middle": 1, "superior": 2}
    assert thirds["missed"].to_dict() == {"inferior": 2, "middle": 0, "superior": 2}
    assert thirds["missed share"].tolist() == pytest.approx([2 / 3, 0, 1])
    table, groups = failures_of(tmp_path, third="superior")
    assert groups["missed"].unique().tolist() == [2]
    assert groups.loc["third of the depth"].index.tolist() == ["superior"]
    assert "it lies in the third of its largest slice" in table.caption


def test_a_third_is_counted_from_the_centre_chosen(tmp_path):
    put(tmp_path, "a", slices=((0.3, 2, 2, 1),), **of_lesions(9.0, detected=[False], slices=[0]))
    for centre, third in (("middle", "middle"), ("centroid", "superior")):  # 0.3 and 0.35
        thirds = failures_of(tmp_path, centre=centre)[1].loc["third of the depth"]
        assert thirds[thirds["missed"] == 1].index.tolist() == [third]


def test_tables_as_text():
    frame = pd.DataFrame({"method": ["a_b|c"], "Dice": [0.5], "Dice sd": [np.nan], "n": [3]})
    table = Table("x", "50% of 5 mm³", "", "", frame, frame)
    assert as_markdown(table).splitlines()[2:] == [
        "| method | Dice | n |",
        "| --- | --- | --- |",
        "| a\\_b\\|c | 0.500 ± – | 3 |",
    ]
    assert r"a\_b\textbar{}c & 0.500 $\pm$ -- & 3 \\" in as_latex(table)
    assert r"\caption{50\% of 5 mm$^3$.}" in as_latex(table)


def test_every_table_has_the_caption(tmp_path):
    put(tmp_path, "a")
    with results.connect(tmp_path) as rows:
        selection = Selection(GROUP)
        for table in tables(rows, group_sums(rows, selection), selection):
            assert "Data: synthetic demo cohort" in table.caption
            ends = [name for name in table.frame if name.endswith(" low")]
            assert ("percentile bootstrap over patients" in as_markdown(table)) == bool(ends)


def test_a_caption_says_how_many_slices_were_at_once_where_numbers_depend_on_it(tmp_path):
    for method in ("adaclip", "aprilgan"):
        for subject, batch in (("a", 4), ("b", 16)):
            put(tmp_path, subject, method=method, batch=batch)
    frame = dice_rows(tmp_path)
    words = captions.caption(frame, Selection(GROUP))
    assert "; AdaCLIP on 4 or 16 slices at once." in words
    assert words.count("at once") == 1


def test_means_and_shares_have_the_interval_of_their_patients(tmp_path):
    values = {"B-MET-00001-000": 0.2, "B-MET-00001-001": 0.3, "B-MET-00002-000": 0.9, "x": 0.6}
    for subject, value in values.items():
        put(tmp_path, subject, slices=with_dice(value))
    row = dice(dice_rows(tmp_path)).iloc[0]
    drawn = np.random.default_rng(0).integers(0, 3, (50_000, 3))
    sums, counts = np.array([0.5, 0.9, 0.6]), np.array([2, 1, 1])
    ends = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (0.025, 0.975))
    assert (row["3D Dice low"], row["3D Dice high"]) == pytest.approx(ends, abs=1e-9)
    table = failures_of(tmp_path)[1].loc[("all", "")]
    assert (table["missed share low"], table["missed share high"]) == (0.5, 0.5)
    assert table[["false positive share low", "false positive share high"]].isna().all()


def test_an_interval_stands_beside_its_mean_and_not_where_there_is_none():
    frame = pd.DataFrame(
        {"Dice": [0.5, 0.5], "Dice low": [0.2, np.nan], "Dice high": [0.8, np.nan]}
    )
    table = Table("x", "", "", "", frame, frame)
    assert as_markdown(table).splitlines()[4:] == [
        r"| 0.500 \[0.200, 0.800\] |",
        "| 0.500 |",
    ]
