import io
from dataclasses import replace

import pandas as pd
import pytest

from tests.helpers.views import HOSTILE
from zsad_core.base.spreadsheet import BOM
from zsad_core.exports.numbers import numbers
from zsad_core.exports.reading import read
from zsad_core.exports.words import NO_DEVICE
from zsad_core.types import ReadoutSpec


def parts(content):
    lines = content.removeprefix(BOM).splitlines()
    header = [line for line in lines if line.startswith("# ")]
    table = pd.read_csv(io.StringIO("\n".join(lines[len(header) :])))
    return dict(line[2:].split(": ", 1) for line in header), table


def test_the_numbers_are_those_of_the_readout(engine, view):
    _, table = parts(numbers(engine, view))
    reading = read(engine, view)
    found, whole, slices = reading.readout, table.iloc[0], table.iloc[1:]
    assert whole["of"] == "volume"
    assert whole["dice"] == pytest.approx(found.dice_3d)
    assert whole["mean_dice_2d"] == pytest.approx(found.mean_dice.value)
    assert whole["slices_in_mean"] == found.mean_dice.slices_counted
    assert whole["auroc"] == pytest.approx(found.auroc)
    assert whole["best_dice_oracle"] == pytest.approx(found.best_dice)
    assert whole["truth_ml"] == pytest.approx(found.truth_ml)
    assert list(slices["slice"]) == list(range(1, len(reading.stack.image) + 1))
    assert slices["dice"].to_numpy() == pytest.approx(found.dice, nan_ok=True)
    assert slices["predicted_ml"].sum() == pytest.approx(found.predicted_ml)
    both = slices["overlap_voxels"].sum()
    total = slices["truth_voxels"].sum() + slices["predicted_voxels"].sum()
    assert 2 * both / total == pytest.approx(found.dice_3d)


def test_dice_follows_the_empty_slice_rule_that_the_header_names(engine, view):
    other = replace(view, readout=ReadoutSpec(empty_slices="both_empty_one"))
    facts, table = parts(numbers(engine, other))
    assert "count 1" in facts["empty_slices"]
    empty = table.iloc[1:].query("truth_voxels == 0 and predicted_voxels == 0")
    assert len(empty) > 0
    assert set(empty["dice"]) == {1.0}


def test_without_truth_there_is_no_number_that_needs_it(engine, hostile):
    facts, table = parts(numbers(engine, hostile))
    assert facts["subject"] == HOSTILE
    assert facts["no_device"] == NO_DEVICE
    assert (
        table[["dice", "truth_voxels", "truth_ml", "overlap_voxels", "auroc"]].isna().all(axis=None)
    )
    assert table["predicted_voxels"][0] == table["predicted_voxels"][1:].sum() > 0
