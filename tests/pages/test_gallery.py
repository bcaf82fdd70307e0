"""The Failures page: first cases for real, then filters, opening, pinning, what is not there."""

import json
import time

import pytest

from pages.ui.shell import compute
from tests.helpers.failure_rows import MEDICAL, as_read, failures_of, put, view_of_case
from tests.helpers.pages import WAIT, address, at, shown, widget
from zsad_core import backbones
from zsad_core.base.palette import CLASSES
from zsad_core.base.paths import cache_root, home
from zsad_core.inference import pipeline, thumbnails
from zsad_core.inference.evaluation import map_key
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec
from zsad_core.workspace import pins

SUBJECT = "DEMO-MET-014-000"
BRIGHT = {"method": "intensity", "prompts": "", "prompts_digest": ""}


@pytest.fixture(autouse=True)
def _no_work_left(small_demo):
    yield
    for job in compute.engine().jobs.running().values():
        job.cancel()  # a thread that works on would outlive its test


def rows(*slices, subject=SUBJECT, **given):
    """A row of the usual results folder, read from the demo's scan and map."""
    read = as_read(compute.engine(), subject, given.get("method", "winclip"))
    put(home() / "results", *slices, subject=subject, **read | given)


def opened(**state):
    return shown(at("pages/5_Failures.py", **{"data": "demo-2mm:", "method": "intensity", **state}))


def said(test):
    return " ".join(one.value for one in (*test.caption, *test.markdown)).replace("\\", "")


def waited(test, there):
    for _ in range(10 * WAIT):
        if there(shown(test)):
            return test
        time.sleep(0.1)
    raise AssertionError("it never came")


def buttons(test, name):
    return [one for one in test.button if one.label == name]


def drawn(test):
    return not any("Drawing " in one.value for one in test.caption)


def test_one_click_finds_first_cases():
    test = opened()
    assert any(
        "No cases yet" in one.value and "synthetic demo cohort" in one.value for one in test.info
    )
    assert "4 subjects and 4 to tune thresholds on, 1 configuration: 8 maps" in said(test)
    test.button(key="evaluate").click()
    waited(test, lambda one: buttons(one, "Open"))
    waited(test, drawn)
    assert not test.warning
    assert "synthetic" in said(test)
    assert "threshold: validation" in said(test)
    assert len(test.get("image")) == len(buttons(test, "Open"))


def test_filters_leave_the_cases_they_say():
    for subject, setup in ((SUBJECT, "zero-shot"), ("DEMO-MET-015-000", "brats")):
        rows((0, 9, 0), (5, 2, 0), subject=subject, setup=setup, **BRIGHT)
    test = opened()
    assert len(buttons(test, "Open")) == 2  # the setup brats is not here
    assert "4 cases" in said(test)
    assert len(test.warning) >= 2
    test.multiselect(key="failure-setups").set_value(["zero-shot"])
    assert "2 cases" in said(shown(test))
    test.button_group(key="failure-kinds").set_value(["no overlap"])
    assert "1 case (" in said(shown(test))
    assert "5 pixels of lesion and 2 predicted share none" in said(test)
    test.selectbox(key="failure-third").set_value("middle")
    assert any("No case matches" in one.value for one in shown(test).info)


def test_exposed_subjects_are_shown_only_where_that_is_chosen_and_named():
    rows((0, 9, 0), **BRIGHT)
    rows((0, 9, 0), subject="DEMO-MET-015-000", exposure=["checkpoint trained on it"], **BRIGHT)
    test = opened()
    assert "1 case (" in said(test)
    assert "exposed subject" not in said(test)
    next(one for one in test.checkbox if one.label == "Include exposed subjects (1)").check()
    assert "2 cases (" in said(shown(test))
    assert said(test).count("exposed subject") == 1


def test_the_results_folder_is_named_as_a_user_writes_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    rows((0, 9, 0), **BRIGHT)
    test = opened()
    [folder] = [one.value for one in test.text_input if one.label == "Results folder"]
    assert folder == "~/home/results"
    assert [one.value for one in test.subheader] == ["Failure cases"]
    assert "1 case (" in said(test)


@pytest.mark.parametrize("evaluated", [False, True])
def test_the_sidebar_shows_only_what_the_gallery_uses(evaluated):
    if evaluated:
        rows((0, 9, 0), **BRIGHT)
    test = opened(method="winclip", prompts="medical", modality="t1c")
    used = ["Data", "Slices in mean 2D Dice", "Depth origin"]
    assert [one.label for one in test.sidebar.selectbox] == used
    assert not test.sidebar.text_area
    assert address(test)["method"] == ["winclip"]
    if not evaluated:
        assert widget(test.main.selectbox, "modality").value == "t1c"
        assert "Evaluate WinCLIP · zero-shot and Intensity · zero-shot on 4 subjects" in said(test)


def test_a_card_opens_its_slice_with_map_threshold_and_mask():
    rows((0, 0, 0), (0, 9, 0), subject=SUBJECT, brain_only=False)
    test = opened(brain=True, rule="oracle", prompts="appearance")
    buttons(test, "Open")[0].click()
    shown(test)
    state = test.session_state
    assert (state["subject"], state["method"], state["setup"]) == (SUBJECT, "winclip", "zero-shot")
    assert (state["slice"], state["threshold"], state["rule"]) == (1, (0.35, 1.0), "fixed")
    assert (state["brain"], state["prompts"]) == (False, "medical")
    assert state["abnormal"].split("\n")[0] == MEDICAL.abnormal[0]
    assert "Threshold 0.35 of 0 … 1" in said(test)


def test_a_case_of_a_method_without_text_leaves_the_texts_alone():
    rows((0, 9, 0), subject=SUBJECT, **BRIGHT)
    test = opened(method="winclip", prompts="medical")
    buttons(test, "Open")[0].click()
    assert shown(test).session_state["method"] == "intensity"
    test.switch_page("pages/1_Explore.py")
    widget(shown(test).selectbox, "method").set_value("winclip")
    shown(test)
    assert test.session_state["prompts"] == "medical"
    assert test.session_state["abnormal"].split("\n")[0] == MEDICAL.abnormal[0]


def test_a_case_whose_data_were_taken_away_meanwhile_says_so():
    rows((0, 9, 0), subject=SUBJECT, **BRIGHT)
    test = opened()
    (home() / "settings.json").unlink()
    buttons(test, "Open")[0].click()
    (error,) = shown(test).error
    assert "are no longer here; add them again on the Setup page" in error.value
    assert "slice" not in test.session_state  # nothing was chosen half


def test_a_card_is_pinned_once():
    rows((0, 9, 0), subject=SUBJECT, **BRIGHT)
    test = opened()
    buttons(test, "Pin")[0].click()
    assert any("Pinned" in one.value for one in shown(test).toast)
    pin = pins.all_pins()[0]
    assert (pin.kind, pin.subject, pin.index) == ("false positive in a healthy slice", SUBJECT, 0)
    assert pin.threshold.value == 0.35
    assert buttons(test, "Pinned")[0].disabled
    assert buttons(test, "Pin") == []
    assert len(pins.all_pins()) == 1


@pytest.fixture
def bfloat16_is_faster():
    """A call after which this machine's own precision is bfloat16; it is what it was then."""
    file = cache_root() / "device.json"
    own = backbones.fastest_precision("cpu")
    before = file.read_text()

    def change():
        (machine,) = json.loads(before)
        file.write_text(json.dumps({machine: {"float32": 2.0, "bfloat16": 1.0}}))
        assert compute.engine().precision() == "bfloat16"

    assert own in ("float32", "bfloat16")
    yield change
    file.write_text(before)


def test_a_case_opens_in_the_precision_of_its_row_and_its_pin_keeps_it(bfloat16_is_faster):
    """Its very numbers are those of that precision."""
    spec = pipeline.map_spec(
        compute.engine(),
        SliceSpec(DataSpec("demo-2mm"), SUBJECT),
        *("winclip", "zero-shot", MEDICAL),
        precision="float32",
    )
    read = {"map": map_key(compute.engine(), spec), "precision_of_features": "float32"}
    rows((0, 0, 0), (0, 9, 0), **read)
    bfloat16_is_faster()
    test = opened()
    buttons(test, "Pin")[0].click()
    shown(test)
    buttons(test, "Open")[0].click()
    assert "float32, CPU" in said(shown(test))
    assert address(test)["precision"] == ["float32"]
    kept = pins.view_of(compute.engine(), pins.all_pins()[0])
    assert kept.map.features.precision == "float32"
    test.switch_page("pages/1_Explore.py")
    widget(shown(test).selectbox, "method").set_value("aprilgan")
    assert "float32, CPU" in said(shown(test))
    widget(test.selectbox, "precision").set_value("bfloat16")
    assert "bfloat16, CPU" in said(shown(test))


def test_a_map_that_is_not_stored_is_said_to_be_so():
    rows(*[(0, 0, 0)] * 40, (0, 9, 0), subject="DEMO-MET-026-000")  # no test encodes it
    test = waited(opened(), drawn)
    assert "map not stored" in said(test)


def test_cards_and_legend_have_the_chosen_colours():
    rows((0, 9, 0), subject=SUBJECT, threshold_value=0.34, **BRIGHT)
    test = waited(opened(safe=True), drawn)
    assert "hatched: false positive" in said(test)
    view = view_of_case(compute.engine(), failures_of(home() / "results")[0])
    pictures = [thumbnails.stored_thumbnail(compute.engine(), view, one) for one in CLASSES]
    assert [one is not None for one in pictures] == [False, True]


def test_prompts_that_changed_are_named_on_the_card():
    digest = prompt_sets.digest(prompt_sets.shipped()["appearance"])[::-1]
    rows((0, 9, 0), subject=SUBJECT, prompts="mine", prompts_digest=digest)
    test = opened()
    assert any("'mine' is not here as it was" in one.value for one in test.warning)
    assert not buttons(test, "Open")


def test_a_scan_never_read_before_is_read_and_must_be_the_one_that_was_evaluated():
    put(home() / "results", (0, 9, 0), subject="DEMO-MET-026-000", scan_digest="other", **BRIGHT)
    test = waited(opened(), lambda one: one.warning)
    assert "scan of DEMO-MET-026-000 that was evaluated is not" in test.warning[0].value
    assert not buttons(test, "Open")


def test_a_damaged_folder_of_rows_is_a_sentence(tmp_path):
    (tmp_path / "subjects").mkdir()
    (tmp_path / "subjects" / "a.parquet").write_bytes(b"no rows")
    test = opened(results=str(tmp_path))
    assert any("no Parquet file" in one.value for one in test.error)
