import json
from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.views import view_of
from zsad_core.errors import DataError
from zsad_core.exports import statement as statements
from zsad_core.exports.reading import read
from zsad_core.exports.statement import in_a_line, statement
from zsad_core.exports.words import NO_DEVICE
from zsad_core.inference import pipeline
from zsad_core.inference.views import View
from zsad_core.metrics.readout import readout
from zsad_core.types import DataSpec, ReadoutSpec


def test_a_reading_is_at_the_view_s_threshold_whatever_its_readout_says(engine, view):
    found = read(engine, View(view.map, view.index, view.threshold, ReadoutSpec(threshold=3)))
    same = readout(found.stack, found.anomaly, ReadoutSpec(threshold=150 / 255))
    assert found.readout.dice_3d == same.dice_3d
    assert found.counts[:, 2].sum() * found.stack.voxel_ml == pytest.approx(same.predicted_ml)
    np.testing.assert_array_equal(found.readout.dice, same.dice)


def test_a_slice_that_is_not_there_is_refused(engine, view):
    with pytest.raises(DataError, match="none of number 1000"):
        read(engine, View(view.map, 999, view.threshold))


def test_a_statement_says_what_and_how_and_that_it_is_no_medical_device(engine):
    view = view_of(engine, DataSpec("demo-2mm"), "DEMO-MET-013-000", "t2f", "winclip")
    facts = statement(engine, read(engine, view)).facts
    assert facts["subject"] == "DEMO-MET-013-000"
    assert facts["synthetic"].startswith("Synthetic")
    assert facts["slice"].startswith(f"{view.index + 1} of ")
    whole = statement(engine, read(engine, view), whole=True)
    assert "slice" not in whole.facts
    assert "index" not in whole.spec
    assert (facts["method"], facts["setup"], facts["prompts"]) == (
        "winclip",
        "zero-shot",
        "appearance",
    )
    assert view.map.prompts.abnormal[0] in facts["abnormal_texts"]
    assert facts["threshold"] == "0.5882353 of 0 … 1"
    assert facts["threshold_rule"] == "fixed: set by the slider"
    assert {len(facts[name]) for name in ("scan_digest", "weights_digest")} == {64}
    assert facts["device"] == engine.device
    assert facts["precision_of_features"] == view.map.features.precision
    assert facts["no_device"] == NO_DEVICE
    assert "batch" not in facts
    assert facts["split"] == "test of the data's own"
    assert "outside the demo cohort" in facts["pretrained_on"]
    assert "Split: test of the data's own. Exposure: none known." in whole.origin


def test_a_line_says_the_same_in_short(engine):
    view = view_of(engine, DataSpec("demo-2mm"), "DEMO-MET-013-000", "t2f", "winclip")
    facts, line = statement(engine, read(engine, view)).facts, in_a_line(engine, view)
    for name in ("synthetic", "method_title", "setup", "prompts", "mask", "version", "no_device"):
        assert facts[name] in line, name
    assert "split: test of the data's own · no exposure known" in line
    assert f"scan {facts['scan_digest'][:12]}" in line
    assert f"weights {facts['weights_digest'][:12]}" in line


def test_a_line_says_what_last_digits_depend_on(engine):
    view = view_of(engine, DataSpec("demo-2mm"), "DEMO-MET-013-000", "t2f", "winclip")
    lines = []
    for method in ("adaclip", "aprilgan"):
        features = view.map.features.slices
        spec = pipeline.map_spec(engine, features, method, "brats", view.map.prompts)
        lines.append(in_a_line(engine, replace(view, map=spec)))
    assert [statements.BATCH in line for line in lines] == [True, False]


def test_a_statement_holds_no_folder_of_this_machine(engine, hostile, tmp_path):
    told = statement(engine, read(engine, hostile))
    assert str(tmp_path) not in told.lines() + told.as_json()
    spec = json.loads(told.as_json())["spec"]
    assert spec["map"]["features"]["slices"]["data"] == {
        "kind": "folder",
        "root": "",
        "labels": "auto",
        "split": "",
        "contrast": "",
        "region": "brain",
    }
    assert spec["readout"]["threshold"] == 150 / 255
