"""The first screen of Explore: what the map is made with, its subject, slice and command."""

import shlex
from dataclasses import replace

import pytest

from pages.ui.explore import command
from pages.ui.shell import compute, session
from tests.helpers.pages import WAIT, address, at, mark_of, opened, shown, widget
from zsad_core.cli.main import main
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import map_key
from zsad_core.inference.sources import resolve
from zsad_core.inference.views import View
from zsad_core.metrics.thresholds import oracle_threshold, threshold_text
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, Reference, SliceSpec, Threshold

SUBJECT = "DEMO-MET-013-000"
pytestmark = pytest.mark.usefixtures("small_demo")


def explore(**choices):
    fixed = {"data": "demo-2mm:", "subject": SUBJECT, "rule": "fixed", "method": "intensity"}
    return at("pages/1_Explore.py", **{**fixed, **choices})


def said(test):
    return " ".join(caption.value for caption in test.caption).replace("\\", "")


def test_the_title_names_what_the_map_is_made_with_and_changes_it():
    test = shown(explore())
    for name, value in {"method": "winclip", "prompts": "medical", "rule": "oracle"}.items():
        widget(test.selectbox, f"{name}-title").set_value(value)
        shown(test)
        assert widget(test.selectbox, name).value == value
        assert widget(test.selectbox, f"{name}-title").value == value
    widget(test.selectbox, "method").set_value("intensity")
    assert widget(shown(test).selectbox, "method-title").value == "intensity"


def test_the_next_subject_opens_at_its_largest_lesion_and_the_previous_comes_back():
    test = shown(explore(slice=3))
    assert test.session_state["slice"] == 3
    test.button(key="next-subject").click()
    shown(test)
    assert test.session_state["subject"] != SUBJECT
    assert test.session_state["slice"] != 3
    test.button(key="previous-subject").click()
    shown(test)
    assert test.session_state["subject"] == SUBJECT


def test_a_slice_has_one_number_on_screen_and_in_the_address():
    test = explore()
    test.query_params["slice"] = "31"
    shown(test)
    assert test.session_state["slice"] == 30
    assert address(test)["slice"] == ["31"]
    assert any("Slice 31 of" in caption.value for caption in test.caption)


@pytest.mark.parametrize("page", ["Explore", "Prompts"])
def test_a_map_that_is_there_is_shown_without_its_features(page):
    """As after "Clear cache", or with maps that an evaluation kept in their place."""
    engine, slices = compute.engine(), SliceSpec(DataSpec("demo-2mm"), SUBJECT, "t2f")
    texts = replace(prompt_sets.shipped()["aprilgan"], class_name="brain")
    spec = pipeline.map_spec(engine, slices, "aprilgan", "brats", texts)
    pipeline.anomaly_map(engine, spec)
    engine.store.remove(resolve(engine, spec).features.key)
    test = opened(page, method="aprilgan", setup="brats", prompts="aprilgan")
    assert compute.encoding_key(spec) not in engine.jobs.running()
    assert test.metric if page == "Explore" else test.dataframe
    assert resolve(engine, spec).missing()


def test_an_encoding_that_another_user_cancelled_starts_again():
    jobs = compute.engine().jobs
    chosen = {"method": "adaclip", "setup": "brats", "subject": "DEMO-MET-014-000"}
    hers = opened("Explore", user="her", **chosen)
    of_hers = "DEMO-MET-014-000 for AdaCLIP"  # beside jobs of other tests
    [(key, job)] = [item for item in jobs.running().items() if of_hers in item[1].title]
    job.cancel(mark_of("her"))
    job.wait(WAIT)
    assert any("stopped after" in one.value for one in shown(hers).warning)
    assert jobs.find(key) is job
    his = opened("Explore", user="him", **chosen)
    assert not his.warning
    again = jobs.find(key)
    assert again is not job
    again.wait(WAIT)
    assert shown(his).metric
    assert shown(hers).metric


@pytest.mark.parametrize("brain", [True, False])
def test_the_command_of_a_view_gives_its_numbers(tmp_path, monkeypatch, brain):
    test = shown(explore(threshold=(0.4, 1.0), smallest=5, brain=brain))
    words = shlex.split(test.code[0].value)
    assert words[:3] == ["python", "-m", "zsad_core"]
    monkeypatch.chdir(tmp_path)
    assert main(words[3:]) == 0
    with results.connect(tmp_path / "results") as rows:
        [(dice, auroc)] = rows.sql("SELECT dice_3d, auroc FROM subjects").fetchall()
    numbers = {metric.label: metric.value for metric in test.metric}
    assert numbers["3D Dice"] == f"{dice:.3f}"
    assert numbers["Voxel AUROC (brain)"] == f"{auroc:.3f}"


def test_edited_texts_come_with_their_command_and_normal_slices_have_none():
    slices, texts = SliceSpec(DataSpec("demo-2mm"), SUBJECT), prompt_sets.shipped()["medical"]
    edited = replace(texts, name="medical (edited)", normal=("a fine {}",))
    near = Reference(replace(slices, subject="DEMO-MET-001-000"), 30)

    def view(*references):
        spec = pipeline.map_spec(Engine(), slices, "winclip", "zero-shot", edited, references)
        return View(spec, 3, Threshold(0.4, "fixed"))

    file, line = command.command(view()).split("END\n")
    assert "--prompts prompts.yaml" in line
    head, _, content = file.partition("\n")
    assert head == "cat > prompts.yaml <<'END'"
    assert prompt_sets.digest(prompt_sets.parse(content.encode(), "")) == prompt_sets.digest(edited)
    assert "normal slices" in command.why_none(view(near))


def test_a_reference_set_of_ones_own_has_no_command():
    slices, texts = SliceSpec(DataSpec("demo-2mm"), SUBJECT), prompt_sets.shipped()["appearance"]

    def why_none(*volumes):
        chosen = ("mutual3d", "zero-shot", texts)
        spec = pipeline.map_spec(Engine(), slices, *chosen, volumes=volumes)
        return command.why_none(View(spec, 3, Threshold(0.4, "fixed")))

    assert why_none() == ""
    assert "reference set" in why_none("DEMO-MET-001-000", "DEMO-MET-002-000")


def test_a_value_that_a_rule_gave_names_the_rule():
    engine, prompts = compute.engine(), prompt_sets.NO_PROMPTS
    slices = SliceSpec(DataSpec("demo-2mm"), SUBJECT, "t2f")
    spec = pipeline.map_spec(engine, slices, "intensity", "zero-shot", prompts)
    stack = engine.stack(slices)
    oracle = oracle_threshold(pipeline.anomaly_map(engine, spec).values, stack.brain, stack.truth)
    assert f"Threshold {threshold_text(oracle)} of 0 … 1 (oracle: best 3D Dice" in said(
        shown(explore(threshold=(oracle, None)))
    )
    test = explore(threshold=(0.25, None))
    assert "(fixed: set by hand)" in said(shown(test))
    tuned = Threshold(0.25, "validation", "from others")
    test.session_state[session.OPENED_THRESHOLD.key] = (tuned, map_key(engine, spec))
    assert "(validation: from others)" in said(shown(test))
    widget(test.selectbox, "subject").set_value("DEMO-MET-014-000")
    assert "(fixed: set by hand)" in said(shown(test))
