"""The summary of an evaluation and its table of subjects, of rows made by hand."""

from pathlib import Path

import numpy as np
import pytest

from tests.helpers.rows import dice_rows, put, with_dice
from zsad_core.evaluation.tasks import Cohort
from zsad_core.report import overview, tables
from zsad_core.report.measures import means
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec

DEMO = Cohort(DataSpec("demo"), (), Path())


def _summary(frame):
    return overview.summary(frame, means(frame), frame)


def put_configurations(root):
    """Two configurations: one of three subjects, the better one of two."""
    for subject, value in (("a", 0.2), ("b", 0.4), ("c", 0.9)):
        put(root, subject, "brats", slices=with_dice(value), auroc=0.7, truth_ml=1.5)
    for subject, value in (("a", 0.9), ("b", 0.7)):
        put(root, subject, "pmc", slices=with_dice(value), auroc=0.8, map_notes=["resampled"])


def test_the_summary_names_the_best_configuration_its_interval_and_what_is_missing(tmp_path):
    put_configurations(tmp_path)
    summary = _summary(dice_rows(tmp_path))
    assert (summary.subjects, summary.with_dice, summary.configurations) == (3, 3, 2)
    assert (summary.best.configuration, summary.best.subjects) == ("WinCLIP · pmc", 2)
    assert summary.best.mean == pytest.approx(0.8)
    assert np.isnan([summary.best.low, summary.best.high]).all()  # of two patients
    assert summary.missing == {"WinCLIP · pmc": ("c",)}


def test_a_row_that_is_left_out_as_exposed_is_not_missing(tmp_path):
    put_configurations(tmp_path)
    evaluated = dice_rows(tmp_path)
    frame = evaluated[(evaluated["setup"] != "brats") | (evaluated["subject"] != "a")]
    summary = overview.summary(frame, means(frame), evaluated)
    assert summary.missing == {"WinCLIP · pmc": ("c",)}
    assert (summary.subjects, summary.best.subjects) == (3, 2)


def test_the_interval_of_the_best_mean_is_that_of_the_table(tmp_path):
    for subject, value in (("a", 0.2), ("b", 0.4), ("c", 0.9), ("d", 0.5)):
        put(tmp_path, subject, slices=with_dice(value))
    frame = dice_rows(tmp_path)
    best, row = _summary(frame).best, tables.dice(frame).iloc[0]
    assert (best.low, best.high) == (row["3D Dice low"], row["3D Dice high"])
    assert best.low < best.mean < best.high


def test_equal_values_deviate_by_nothing(tmp_path):
    """The mean of three times 0.1 is rounded, and the sd around it would be 1.7e-17."""
    for subject in "abc":
        put(tmp_path, subject, dice_3d=0.1, slices=with_dice(0.1))
    with results.connect(tmp_path) as rows:
        table = overview.configuration_means(rows, DEMO, [*"abc"])
    assert table["sd"].tolist() == [0.0]
    assert tables.dice(dice_rows(tmp_path)).loc[0, ["3D Dice sd", "2D Dice sd"]].tolist() == [0, 0]


def test_means_of_the_command_stand_with_their_intervals(tmp_path):
    """All three draws of a patient have 1 chance in 27, so three patients span their interval."""
    for subject, value in (("A-001-000", 0.2), ("A-002-000", 0.5), ("A-003-000", 0.8)):
        put(tmp_path, subject, dice_3d=value, auroc=1 - value)
    put(tmp_path, "A-004-000", dice_3d=None, auroc=None)  # without lesion
    for subject in ("A-001-000", "A-001-001", "A-002-000"):
        put(tmp_path, subject, "pmc", dice_3d=0.5, auroc=0.6)
    put(tmp_path, "A-005-000", dice_3d=0.0, auroc=0.0)
    chosen = [f"A-00{n}-00{time}" for n in (1, 2, 3, 4) for time in (0, 1)]
    with results.connect(tmp_path) as rows:
        means = overview.configuration_means(rows, DEMO, chosen)
    table = means.set_index("setup")
    assert table["subjects"].tolist() == [3, 3]
    assert table.loc["brats", ["dice", "sd"]].tolist() == pytest.approx([0.5, 0.3])
    assert table.loc["brats", ["dice low", "dice high"]].tolist() == pytest.approx([0.2, 0.8])
    assert table.loc["brats", ["auroc low", "auroc high"]].tolist() == pytest.approx([0.2, 0.8])
    assert table.loc["pmc", "dice"] == 0.5
    assert np.isnan(table.loc["pmc", "dice low"])  # three subjects of two patients


def test_means_of_the_command_take_the_newest_row_and_mix_no_prompts_or_data(tmp_path):
    put(tmp_path, "a", dice_3d=0.2, date="2024")
    put(tmp_path, "a", dice_3d=0.4, date="2025")  # evaluated again, with another checkpoint
    put(tmp_path, "b", dice_3d=0.6, date="2024")
    put(tmp_path, "b", dice_3d=0.9, prompts_digest="d2")  # another set of that name
    put(tmp_path, "b", dice_3d=0.9, data="brats")
    put(tmp_path, "a", dice_3d=0.9, root="other")
    with results.connect(tmp_path) as rows:
        table = overview.configuration_means(rows, DEMO, ["a", "b"])
    assert table[["subjects", "dice"]].to_numpy().tolist() == [[2, 0.5], [1, 0.9]]


def test_without_lesion_no_configuration_is_the_best(tmp_path):
    put(tmp_path, "a", slices=((0, 0, 1, 0),))
    assert _summary(dice_rows(tmp_path)).best is None


def test_subjects_have_their_numbers_by_configuration_and_the_rows_behind_them(tmp_path):
    put_configurations(tmp_path)
    frame = dice_rows(tmp_path)
    with results.connect(tmp_path) as rows:
        table = overview.subject_table(rows, frame, ["3D Dice", "AUROC"])
    lines = table.frame.set_index("subject")
    assert lines.index.tolist() == ["a", "b", "c"]  # equal means keep the order of names
    assert lines["WinCLIP · brats: 3D Dice"].tolist() == pytest.approx([0.2, 0.4, 0.9])
    assert lines["WinCLIP · pmc: AUROC"].tolist()[:2] == [0.8, 0.8]
    assert lines["WinCLIP · pmc: AUROC"].isna().tolist() == [False, False, True]
    assert lines["volume (ml)"].tolist()[2] == 1.5
    assert lines["note"].tolist() == ["resampled", "resampled", ""]
    assert table.key_at(1, "WinCLIP · pmc: AUROC") == "b-pmc-winclip-0.8-['resampled']"
    assert table.key_at(2, "subject").startswith("c-brats-winclip")
