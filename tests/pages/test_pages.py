"""Every page in process, on the 2 mm demo: no exception, and the numbers that belong on it."""

import itertools
import json
import threading
import time
from functools import partial

import nibabel as nib
import numpy as np
import pytest

from pages.ui.shell import compute
from tests.helpers.pages import DATA, PAGES, SUBJECT, WAIT, address, at, opened, shown, widget
from zsad_core import methods, setups
from zsad_core.base.paths import home
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec

pytestmark = pytest.mark.usefixtures("small_demo")


def metrics(test):
    return {metric.label.split(",")[0]: metric.value for metric in test.metric}


def test_the_start_page_says_what_is_loaded_and_that_it_is_synthetic():
    test = opened("Start")
    assert metrics(test)["Subjects"].startswith("30 of 32")
    assert "synthetic" in " ".join(caption.value for caption in test.caption)


def test_the_start_page_shows_cases_that_open_with_their_numbers():
    test = opened("Start")
    for _ in range(600):
        titles = [one.key for one in test.button if (one.key or "").startswith("tile-")]
        if titles:
            break
        time.sleep(0.1)
        test.run()
    assert titles == [
        "tile-A live case",
        "tile-Missed lesion",
        "tile-False alarm",
        "tile-Wrong place",
    ]
    said = next(one.value for one in test.caption if "3D Dice" in one.value)
    test.button(key="tile-A live case").click().run()
    assert not test.exception
    assert widget(test.selectbox, "method").value == "intensity"
    assert said.endswith(f"{float(metrics(test)['3D Dice']):.2f}")


def test_cases_wait_for_the_pages_that_users_look_at():
    title = "Drawing cases to begin with"
    with compute.engine().jobs.drawing():
        opened("Start", modality="t1n")
        (job,) = [job for job in compute.engine().jobs.running().values() if job.title == title]
        job.wait(3)
        assert (job.state, job.done) == ("running", 0)
    job.wait(WAIT)
    assert job.state == "done"


def test_a_run_of_a_page_is_waited_for():
    jobs, over, waited = compute.engine().jobs, threading.Event(), threading.Event()

    def work(progress):
        while not over.wait(0.01):
            steps = itertools.count()
            jobs.give_way(partial(next, steps))
            if next(steps) > 1:
                waited.set()

    job = jobs.start("gives-way", "Gives way", work)
    try:
        opened("Setup")
    finally:
        over.set()
    job.wait(WAIT)
    assert waited.is_set()


@pytest.mark.usefixtures("_encoded")
def test_explore_shows_the_numbers_of_the_volume():
    test = opened("Explore", method="aprilgan", setup="brats")
    found = metrics(test)
    assert 0 <= float(found["3D Dice"]) <= float(found["Best Dice (oracle)"]) <= 1
    assert found["Truth"].endswith("ml")
    said = " ".join(caption.value for caption in test.caption)
    assert "Threshold 2 of 0 … 4" in said
    assert "arXiv 2305.17382" in said


@pytest.mark.usefixtures("_encoded")
def test_an_oracle_threshold_says_that_it_saw_the_truth():
    test = opened("Explore", method="aprilgan", setup="brats", rule="oracle")
    found = metrics(test)
    assert found["3D Dice"] == found["Best Dice (oracle)"]
    assert "Uses the ground truth" in " ".join(caption.value for caption in test.caption)


def test_a_map_is_compared_and_shown_in_3d_on_request():
    test = opened("Explore", method="intensity")
    offered = widget(test.multiselect, "compare").options
    assert {"WinCLIP · zero-shot", "APRIL-GAN · brats", "Intensity · t1c"} <= set(offered)
    assert not {"Intensity · zero-shot", "Intensity · t2f"} & set(offered)
    assert not any("prompts" in name for name in offered)  # it reads no text
    assert not test.get("plotly_chart")
    widget(test.multiselect, "compare").set_value(["intensity · t1c"])
    test.toggle(key="solid").set_value(True).run()
    assert not test.exception
    assert len(test.get("plotly_chart")) == 1


def test_a_lesion_free_subject_has_no_dice():
    test = opened("Explore", method="intensity", subject="DEMO-MET-025-000")
    assert "3D Dice" not in metrics(test)
    assert any("No lesion" in info.value for info in test.info)


@pytest.mark.usefixtures("_encoded")
def test_an_edited_prompt_changes_the_numbers_and_keeps_the_old_beside_them():
    test = opened("Prompts", method="aprilgan", setup="brats", prompts="appearance")
    widget(test.text_area, "abnormal").set_value("nothing but background").run()
    assert not test.exception
    table = next(one.value for one in test.dataframe if "before" in one.value.index)
    assert list(table.index) == ["before", "now", "change"]
    assert table.loc["change", "voxel AUROC (brain)"] != 0


@pytest.mark.usefixtures("_encoded")
def test_before_and_now_stand_each_at_its_own_oracle_threshold():
    state = {"method": "aprilgan", "setup": "brats", "prompts": "appearance", "rule": "oracle"}
    test = opened("Prompts", **state)
    widget(test.text_area, "abnormal").set_value("nothing but background").run()
    assert not test.exception
    table = next(frame.value for frame in test.dataframe if "before" in frame.value.index)
    assert table.loc["before", "threshold"] != table.loc["now", "threshold"]
    for name in ("before", "now", "change"):
        best = table.loc[name, "best Dice (oracle)"]
        assert table.loc[name, "3D Dice"] == pytest.approx(best, abs=1e-6)
    assert {"AP", "mean 2D Dice"} <= set(table.columns)


def test_learned_prompts_say_what_is_learned_and_keep_their_class_word():
    test = opened("Prompts", method="anomalyclip", setup="brats")
    assert widget(test.text_input, "class_name").value == "object"
    assert widget(test.text_area, "abnormal").value == "damaged {}."
    said = " ".join(caption.value for caption in test.caption)
    assert "Learned and fixed: 12 vectors" in said
    other = opened("Prompts", method="aprilgan", setup="brats")
    assert widget(other.text_input, "class_name").value == "brain"
    assert "Learned" not in " ".join(caption.value for caption in other.caption)


@pytest.mark.usefixtures("_encoded")
def test_an_empty_text_list_is_a_sentence_not_a_traceback():
    test = opened("Prompts", method="aprilgan", setup="brats", prompts="appearance")
    widget(test.text_area, "abnormal").set_value("").run()
    assert not test.exception
    assert any("abnormal" in error.value for error in test.error)


def test_a_saved_prompt_set_is_in_the_list():
    test = opened("Prompts", method="aprilgan", setup="brats", prompts="minimal-pair")
    widget(test.text_area, "normal").set_value("grey matter").run()
    next(one for one in test.text_input if one.label == "Save as").set_value("mine").run()
    next(button for button in test.button if button.label == "Save prompt set").click().run()
    assert not test.exception
    saved = prompt_sets.user_sets(home() / "prompts")
    assert saved["mine"].normal == ("grey matter",)
    assert "mine" in widget(test.selectbox, "prompts").options
    assert "'mine' is saved as version 1" in test.success[0].value
    next(one for one in test.text_input if one.label == "Save as").set_value("winclip").run()
    next(button for button in test.button if button.label == "Save prompt set").click().run()
    assert [one.value for one in test.toast] == ["'winclip' is a shipped set; choose another name."]
    assert test.image  # the page stays
    # no file that a cut-short run would take along
    assert all(one.proto.imgs[0].url.startswith("data:image/png;") for one in test.image)


@pytest.mark.usefixtures("_encoded")
@pytest.mark.parametrize("scope", ["this subject", "all evaluated subjects"])
def test_the_depth_page_names_its_rules(scope):
    test = opened("Depth", method="aprilgan", setup="brats", scope=scope)
    said = " ".join(caption.value for caption in test.caption)
    assert "lesion slices only" in said
    assert "most inferior" in said


@pytest.mark.parametrize(
    "section", ["Data", "Predictions", "Weights", "Device and cache", "Pre-encode"]
)
def test_each_section_of_the_setup_page(section):
    test = opened("Setup", section=section)
    assert test.segmented_control(key="section").proto.required  # a second click leaves it chosen
    if section == "Data":
        table = test.table[0].value.set_index("subject")
        refused = table["notes"].loc["DEMO-MET-031-000"]
        assert "t2f" in refused
    if section == "Weights":
        table = test.dataframe[0].value.set_index(["method", "setup"])
        known = {(methods.name_of(method), setup) for method, setup in setups.entries()}
        assert set(table.index) == known
        assert table.loc[("WinCLIP", "pmc-l14"), "state"] == "missing"
        assert "zsad fetch" in table.loc[("WinCLIP", "pmc-l14"), "what to do"]
        lacking = test.table[0].value.set_index(["method", "setup"])
        assert set(lacking.index) == set(table.index[table["state"] == "missing"])


def _pressed(test, label, **texts):
    for name, text in texts.items():
        next(one for one in test.text_input if one.label.startswith(name)).set_value(text)
    next(button for button in test.button if button.label == label).click().run()
    assert not test.exception
    return test


def _broken_brats(root):
    """A case that is whole and one whose scan is cut."""
    root.mkdir()
    for name, size in (("BraTS-MET-00001-000", None), ("BraTS-MET-00002-000", 60)):
        scan = nib.Nifti1Image(np.pad(np.ones((6, 6, 6), np.float32) * 9, 2), np.eye(4))
        path = root / f"{name}-t2f.nii.gz"
        nib.save(scan, path)
        path.write_bytes(path.read_bytes()[:size])
    return root


def test_a_folder_without_scans_is_refused_in_a_sentence_and_not_kept(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    test = opened("Setup", section="Data")
    for path, said in (
        ("/nowhere/at/all", "There is no folder '/nowhere/at/all'"),
        (str(tmp_path / "file"), "is a file"),
        (str(tmp_path / "empty"), "holds no .nii or .nii.gz file"),
        (" ", "No folder was named"),
    ):
        _pressed(test, "Look", Folder=path)
        assert [said in error.value for error in test.error] == [True]
        assert len(test.dataframe) == 2  # the two demo cohorts


def test_a_folder_is_listed_as_soon_as_it_is_added(tmp_path):
    root = _broken_brats(tmp_path / "größe (1)")
    test = _pressed(opened("Setup", section="Data"), "Look", Folder=f"  {root}/ ")
    assert test.info[0].value.startswith("BraTS in größe (1): 2 subjects, 0 with a segmentation")
    assert len(test.dataframe) == 2  # nothing is added yet
    _pressed(test, "Add")
    assert any("with 2 subjects" in one.value for one in test.success)
    assert len(test.dataframe) == 3
    next(one for one in test.button if one.label == "Use it now").click().run()
    assert not test.exception
    assert widget(test.selectbox, "data").value == f"brats:{root}"  # in Explore
    assert widget(test.selectbox, "subject").value == "BraTS-MET-00001-000"


def test_checking_a_root_names_what_is_wrong_beside_the_subject(tmp_path):
    root = _broken_brats(tmp_path / "scans")
    settings = {"data": [{"kind": "brats", "root": str(root)}]}
    (home() / "settings.json").write_text(json.dumps(settings))
    test = _pressed(opened("Setup", section="Data"), "Check")
    for _ in range(100):
        table = test.run().dataframe[1].value.set_index("subject")
        if "no" in set(table["usable"]):
            break
        time.sleep(0.1)
    assert table["usable"].to_dict() == {
        "BraTS-MET-00001-000": "yes",
        "BraTS-MET-00002-000": "no",
    }
    found = test.table[1].value.set_index("subject")["notes"]
    said = found["BraTS-MET-00002-000"]
    assert said.startswith("'BraTS-MET-00002-000-t2f.nii.gz' is a truncated gzip file")
    assert compute.engine().jobs.find(f"check-brats:{root}").title.startswith("Checking BraTS in")


@pytest.mark.usefixtures("_encoded")
def test_prompts_follow_the_method_until_the_user_chose_some():
    test = opened("Explore", method="aprilgan", setup="brats")
    assert widget(test.selectbox, "prompts").value == "aprilgan"
    widget(test.selectbox, "method").set_value("winclip").run()
    assert widget(test.selectbox, "prompts").value == "appearance"
    widget(test.selectbox, "prompts").set_value("medical").run()
    widget(test.selectbox, "method").set_value("aprilgan").run()
    assert widget(test.selectbox, "prompts").value == "medical"
    assert "a {} lesion" in widget(test.text_area, "abnormal").value


@pytest.mark.usefixtures("_encoded")
def test_the_class_word_stands_in_the_sentences():
    test = opened("Prompts", method="aprilgan", setup="brats")
    assert widget(test.text_input, "class_name").value == "brain"
    widget(test.text_input, "class_name").set_value("liver").run()
    assert not test.exception
    assert any("becomes 'liver'" in caption.value for caption in test.caption)


def test_data_without_validation_subjects_offers_no_validation_threshold(tmp_path):
    scan = nib.Nifti1Image(np.pad(np.arange(1, 217.0).reshape(6, 6, 6), 2), np.eye(4))
    nib.save(scan, tmp_path / "case.nii.gz")
    settings = {"data": [{"kind": "folder", "root": str(tmp_path)}]}
    (home() / "settings.json").write_text(json.dumps(settings))
    data = f"folder:{tmp_path}"
    test = opened("Explore", data=data, subject="case", method="intensity", rule="validation")
    alone = ["share of the region", "stable number of components"]
    assert widget(test.selectbox, "rule").options == ["fixed", *alone, "oracle"]
    assert any("No validation threshold" in caption.value for caption in test.caption)
    assert any("No segmentation" in info.value for info in test.info)


def test_a_method_for_volumes_waits_for_its_set_and_names_it():
    of_set = ["DEMO-MET-001-000", SUBJECT]
    test = opened("Explore", method="mutual3d", setup="zero-shot", set=of_set)
    for job in compute.engine().jobs.running().values():
        job.wait(WAIT)
    test.run()
    assert not test.exception
    assert 0 < float(metrics(test)["Voxel AUROC (brain)"]) < 1
    said = " ".join(caption.value for caption in test.caption)
    assert f"transductive: scored against 1 unlabelled volume: {of_set[0]}" in said
    assert widget(test.multiselect, "set").value == of_set


def test_the_usual_set_is_not_the_test_subjects():
    test = opened("Setup", section="Pre-encode", method="mutual3d", setup="zero-shot")
    assert widget(test.multiselect, "set").value == [f"DEMO-MET-{n:03d}-000" for n in range(1, 9)]
    other = opened("Setup", section="Pre-encode", method="intensity")
    assert "set" not in [one.key for one in other.multiselect]


def test_the_lab_of_a_method_without_text_says_so():
    test = opened("Prompts", method="mutual3d", setup="zero-shot")
    assert any("reads no text" in info.value for info in test.info)
    assert not test.text_area


def chips(test):
    return widget(test.multiselect, "normal_slices").value


def test_normal_slices_are_picked_from_another_subject_and_stand_in_the_address():
    test = opened("Explore", method="winclip", setup="zero-shot", slice=40)
    assert chips(test) == []
    assert test.selectbox(key="normal_from").value == "DEMO-MET-001-000"
    test.number_input(key="normal_count").set_value(2).run()
    test.button(key="normal_pick").click().run()
    assert not test.exception
    assert len(chips(test)) == 2
    slices = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-001-000")
    stack = Engine().stack(slices)
    picked = [int(name.partition(":")[2]) - 1 for name in chips(test)]
    assert not stack.truth[picked].any()
    said = " ".join(caption.value for caption in test.caption)
    assert all(name in said.replace("\\", "") for name in chips(test))
    assert address(test)["normal_slices"] == chips(test)
    again = at(PAGES["Explore"])
    again.query_params = {**address(test), "data": DATA, "subject": SUBJECT, "rule": "fixed"}
    assert chips(shown(again)) == chips(test)


def test_a_slice_with_lesion_or_of_the_shown_subject_is_no_silent_reference():
    stack = Engine().stack(SliceSpec(DataSpec("demo-2mm"), SUBJECT))
    lesion, clear = (int(where) + 1 for where in _first_and_clear(stack))
    names = [f"{SUBJECT}:{lesion}", f"{SUBJECT}:{clear}", f"{SUBJECT}:9999", "nonsense"]
    test = opened("Explore", method="winclip", setup="zero-shot", normal_slices=names)
    said = " ".join(warning.value for warning in test.warning)
    for words in ("contains lesion", "the subject shown", "is an empty slice", "is no slice;"):
        assert words in said


def test_explore_says_what_a_number_has_seen():
    said = {}
    for subject in (SUBJECT, "DEMO-MET-003-000"):
        test = opened("Explore", method="aprilgan", setup="brats", subject=subject)
        panel = next(one for one in test.expander if one.label == "What has this number seen?")
        said[subject] = panel.markdown[0].value
        warned = any("Exposed, so its numbers flatter: checkpoint trained on it" in w.value
                     for w in test.warning)  # fmt: skip
        assert warned == (subject != SUBJECT)
    assert "**Exposure of this subject**: none known" in said[SUBJECT]
    assert "train 8 ids" in said[SUBJECT]
    assert "**Exposure of this subject**: checkpoint trained on it" in said["DEMO-MET-003-000"]


def test_slices_and_volumes_from_outside_train_are_offered_only_where_chosen_and_warn():
    named = {"method": "winclip", "setup": "zero-shot", "normal_slices": ["DEMO-MET-014-000:40"]}
    test = opened("Explore", **named)
    warned = " ".join(warning.value for warning in test.warning).replace("\\", "")
    assert "014-000:40 is of a subject of test, not of train" in warned
    source = test.selectbox(key="normal_from")
    assert source.options == [f"DEMO-MET-{number:03d}-000" for number in range(1, 9)]
    test.checkbox(key="normal_beyond").check().run()
    assert "DEMO-MET-014-000" in test.selectbox(key="normal_from").options
    volumes = ["DEMO-MET-001-000", "DEMO-MET-014-000"]
    test = opened("Prompts", method="mutual3d", setup="zero-shot", set=volumes)
    warned = " ".join(warning.value for warning in test.warning).replace("\\", "")
    assert "Not of train, so numbers are exposed: DEMO-MET-014-000." in warned


def _first_and_clear(stack):
    lesion, brain = stack.truth.any(axis=(1, 2)), stack.brain.any(axis=(1, 2))
    return np.flatnonzero(lesion)[0], np.flatnonzero(brain & ~lesion)[0]
