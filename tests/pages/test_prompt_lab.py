"""The prompt lab in process, on the 2 mm demo: null test, search, history, documents, drafts."""

import json
import math
import threading
import time
from dataclasses import asdict, replace

import pytest

from pages.ui.prompts import others, sections
from pages.ui.shell import compute, prompt_choice, thresholds
from tests.helpers.pages import DATA, SUBJECT, WAIT, address, mark_of, opened, widget
from zsad_core.base import settings
from zsad_core.base.jobs import Client
from zsad_core.base.paths import home
from zsad_core.base.store import key_of
from zsad_core.inference import pipeline
from zsad_core.lab.leaderboard import NO_SPLIT
from zsad_core.methods import name_of
from zsad_core.metrics.readout import Readout
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec, Threshold
from zsad_core.workspace import drafts, history

pytestmark = pytest.mark.usefixtures("small_demo")

JUDGED = f"judged-test-{DATA[:-1]}"
SIDES, VALIDATES = ("searched", "held-out"), "DEMO-MET-009-000"
APRIL = {"method": "aprilgan", "setup": "brats", "prompts": "appearance"}


def lab(section, **state):
    return opened("Prompts", lab=section, **APRIL, **state)


def press(test, label):
    next(button for button in test.button if button.label.startswith(label)).click().run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def until(test, ready):
    """Run until a background job has left what `ready` looks for."""
    for _ in range(240):
        if ready(test):
            return test
        time.sleep(0.5)
        test.run()
        assert not test.exception, test.exception[0].stack_trace
    return pytest.fail("the job has not ended")


def said(test):
    return " ".join(one.value for one in (*test.caption, *test.warning, *test.info, *test.markdown))


def selected(row):
    """The choice that selects a row of the table of all trials, the newest first."""
    ids = [trial.id for trial in reversed(history.trials())]
    selection = {"rows": [row], "columns": [], "cells": []}
    return {f"history_table-{key_of('', trials=ids)}": {"selection": selection}}


def test_sections_that_show_no_scan_read_none():
    other = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-017-000")

    def read():
        for thread in threading.enumerate():
            if thread.name == "scan":
                thread.join()
        return compute.engine().has_stack(other)

    for section in set(sections.SECTIONS) - set(sections.OF_SCAN):
        lab(section, subject=other.subject)
    assert not read()
    lab("Edit", subject=other.subject)
    assert read()


@pytest.mark.usefixtures("_encoded")
def test_the_null_test_places_the_prompt_among_random_pairs():
    test = lab("Null test", **{"null-count": 50, "null-every": 8})
    press(test, "Compare with 50 random pairs")
    until(test, lambda test: test.metric)
    deltas = {metric.label: metric.delta for metric in test.metric}
    assert set(deltas) == {"Voxel AUROC (brain)", "Best Dice (oracle)"}
    assert all("of 50 random pairs, p = " in delta for delta in deltas.values())
    assert list(test.dataframe[0].value["subject"]) == [SUBJECT]
    assert list(test.dataframe[0].value["split"]) == ["test"]
    assert "mean over 1 subject (1 test)" in said(test)
    assert "the prompt itself" in said(test)
    prompts = prompt_sets.shipped()["appearance"]
    assert f"{len(prompts.normal)} normal texts and {len(prompts.abnormal)} abnormal" in said(test)


@pytest.mark.usefixtures("_encoded")
def test_a_search_names_its_parts_and_its_winner_is_kept_with_its_record():
    state = {f"searched-{DATA[:-1]}": [VALIDATES], f"held-out-{DATA[:-1]}": []}
    test = lab("Search", groups=["bright", "grey"], best=2, most=1, **state, **{"search-every": 8})
    assert "candidates on 1 subject (1 validation)" in said(test)
    offered = {part: test.multiselect(key=f"{part}-{DATA[:-1]}").options for part in SIDES}
    assert not {SUBJECT} & {*offered["searched"]}
    assert SUBJECT in offered["held-out"]
    assert not {VALIDATES, "DEMO-MET-001-000"} & {*offered["held-out"]}
    press(test, "Search")
    until(test, lambda test: test.dataframe)
    assert "Dice on other subjects is unknown" in said(test)
    test.text_input(key="winner").set_value("winner").run()
    press(test, "Save winner")
    assert "'winner' is saved with the record" in test.success[0].value
    assert "winner" in widget(test.selectbox, "prompts").options
    kept = prompt_sets.user_sets(home() / "prompts")["winner"]
    assert kept.tuned_on == (VALIDATES,)
    record = prompt_sets.record("winner", home() / "prompts")
    assert record["numbers"]["after, search"]["dice"] >= record["numbers"]["before, search"]["dice"]
    press(test, "Show its map")
    assert "tuned on other subjects" in said(test)
    assert json.loads(test.json[0].value)["search_subjects"] == [VALIDATES]


@pytest.mark.usefixtures("_encoded")
def test_a_trial_is_in_the_history_and_comes_back():
    test = lab("Edit")
    widget(test.text_area, "abnormal").set_value("a white cloud").run()
    first, second = history.trials()
    assert not first.by_hand
    assert second.prompts.abnormal == ("a white cloud",)
    assert second.by_hand
    other = lab("History")
    table, order = other.dataframe[0].value, [*other.dataframe[0].proto.column_order]
    assert order[:6] == ["★", "time (UTC)", "prompts", "changed", "3D Dice", "Δ Dice"]
    assert list(table["prompts"]) == ["appearance (edited)", "appearance"]
    words = table["changed"][0].split("; ")
    assert "+ abnormal: a white cloud" in words
    assert "- abnormal: a bright spot" in words
    assert table["abnormal"][0] == "a white cloud"
    change = table["Δ best"][0]
    assert change == pytest.approx(second.best_dice - first.best_dice)
    history.star(second, True, second.owner)
    other.toggle(key="history_starred").set_value(True).run()
    assert list(other.dataframe[0].value["★"]) == ["★"]


@pytest.mark.usefixtures("_encoded")
def test_the_leaderboard_marks_where_prompts_were_tuned():
    widget(lab("Edit").text_area, "abnormal").set_value("a white cloud").run()
    test = lab("History", history_view="Leaderboard", board="test")
    table = test.dataframe[0].value.set_index("prompts")
    assert list(table.loc["appearance", ["evaluated on", "tuned on these"]]) == [1, 0]
    assert list(table.loc["appearance (edited)", ["evaluated on", "tuned on these"]]) == [0, 1]
    assert table.loc["appearance (edited)", "abnormal"] == "a white cloud"
    assert "+ abnormal: a white cloud" in table.loc["appearance (edited)", "changed"]
    assert SUBJECT in test.multiselect(key=JUDGED).value  # the shipped texts were tuned nowhere


@pytest.mark.usefixtures("_encoded")
def test_the_leaderboard_judges_by_the_rule_it_names_and_not_where_a_set_was_tuned():
    lab("Edit", abnormal="a white cloud")  # at the slider's value
    test = lab("History", history_view="Leaderboard", board="test", abnormal="a white cloud")
    assert "under the rule 'fixed'" in said(test)
    (threshold,) = test.dataframe[0].value["threshold"]
    assert float(threshold) == history.trials()[0].threshold
    assert SUBJECT not in test.multiselect(key=JUDGED).value
    share = {"rule": "share", "history_view": "Leaderboard", "board": "test"}
    test = opened("Prompts", lab="History", **APRIL, **share)  # a rule with an amount
    assert test.segmented_control(key="board-rule").value.startswith("share:")
    assert not test.dataframe
    assert "under the rule 'share:" in said(test)


def test_the_leaderboard_leaves_out_subjects_that_the_rule_was_tuned_on():
    slices, prompts = SliceSpec(DataSpec("demo-2mm"), VALIDATES), prompt_sets.shipped()["medical"]
    spec = pipeline.map_spec(compute.engine(), slices, "winclip", "zero-shot", prompts)
    read = Readout(0.5, 1.0, dice_3d=0.4, best_dice=0.5, auroc=0.9)
    for rule, value in (("validation", 0.5), ("fixed", 0.4)):
        history.add(spec, read, Threshold(value, rule))
    board = {"history_view": "Leaderboard", "board": "validation"}
    for rule, judged in (("validation", 0), ("fixed", 1)):
        test = lab("History", **board, **{"board-rule": rule})
        (row,) = test.dataframe[0].value.to_dict("records")
        assert (row["evaluated on"], row["exposed"]) == (judged, 1 - judged)
        why = f"exposed subjects are left out ({VALIDATES}: threshold tuned on it); choose other"
        assert (why in said(test).replace("\\", "")) == (not judged)
    test = lab("History", **board, **{"board-rule": "validation"})
    next(one for one in test.checkbox if "Include exposed" in one.label).check().run()
    (row,) = test.dataframe[0].value.to_dict("records")
    assert (row["evaluated on"], row["exposed"], row["3D Dice"]) == (1, 1, 0.4)
    assert "choose other subjects" not in said(test)


@pytest.mark.usefixtures("_encoded")
def test_a_trial_is_renamed_and_deleted_by_its_owner():
    lab("Edit", user="her")
    hers = history.trials()[0]
    row = selected(0)
    test = lab("History", user="her", **row)
    assert list(test.dataframe[0].value["whose"]) == ["yours"]
    test.text_input(key=f"name-{hers.id}").set_value("foggy").run()
    press(test, "Save")
    assert history.trials()[0].prompts.name == "foggy"
    other = lab("History", user="him", **row)
    assert list(other.dataframe[0].value["whose"]) == ["another user's"]
    assert not [one for one in other.button if one.label in ("Save", "Star", "Delete")]
    press(test, "Delete")
    assert history.trials() == ()


@pytest.mark.usefixtures("_encoded")
def test_after_a_trial_was_deleted_none_is_selected():
    widget(lab("Edit", user="her").text_area, "abnormal").set_value("a white cloud").run()
    first, _ = history.trials()
    test = lab("History", user="her", **selected(0))
    assert "Changed from 'appearance': " in said(test)
    assert "abnormal: a white cloud" in said(test).split("Changed from")[1]
    press(test, "Delete")
    assert history.trials() == (first,)
    assert "Select a row to restore" in said(test)


@pytest.mark.usefixtures("_encoded")
def test_texts_are_switched_off_and_on():
    test = lab("Edit")
    widget(test.checkbox, "on-abnormal-a bright spot").uncheck().run()
    assert "# a bright spot" in widget(test.text_area, "abnormal").value.splitlines()
    assert "4 abnormal, ×" in said(test)
    assert "1 switched off" in said(test)
    widget(test.checkbox, "on-abnormal-a bright spot").check().run()
    assert "5 abnormal, ×" in said(test)
    assert "#" not in widget(test.text_area, "abnormal").value


@pytest.mark.usefixtures("_encoded")
def test_a_text_that_is_switched_off_stays_in_its_place():
    test = lab("Edit")
    before = [box.label for box in test.checkbox]
    widget(test.checkbox, "on-normal-a grey area").uncheck().run()
    assert [box.label for box in test.checkbox] == before


@pytest.mark.usefixtures("_encoded")
def test_where_no_text_is_left_the_editor_stays_and_says_so():
    test = lab("Edit", normal="# a grey area", abnormal="a white area")
    assert "has no normal text; write at least one" in test.error[0].value
    assert widget(test.text_area, "templates").value
    widget(test.checkbox, "on-normal-a grey area").check().run()
    assert not test.error
    assert "1 normal + 1 abnormal" in said(test)


@pytest.mark.usefixtures("_encoded")
def test_a_damaged_file_of_a_set_is_told_and_the_page_works():
    folder = home() / "prompts"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "damaged.yaml").write_text("name: [unclosed")
    try:
        test = lab("Edit")
    finally:
        (folder / "damaged.yaml").unlink()
    assert not test.error
    assert "is not readable YAML" in test.sidebar.warning[0].value


@pytest.mark.usefixtures("_encoded")
def test_comparing_texts_leaves_what_explore_compares_with():
    maps = ["aprilgan · prompts mvfa"]
    test = lab("Edit", compare=maps)
    box = next(one for one in test.selectbox if one.label == "Compare with")
    box.select("mvfa").run()
    assert test.session_state["compare"] == maps


@pytest.mark.usefixtures("_encoded")
def test_every_sentence_is_shown_with_its_text_and_template():
    test = lab("Edit")
    table = next(d.value for d in test.dataframe if "sentence" in d.value)
    assert len(table) == 40
    row = table[table["sentence"] == "a picture of a bright spot."].iloc[0]
    assert list(row[["side", "text", "template"]]) == [
        "abnormal",
        "a bright spot",
        "a picture of {}.",
    ]


@pytest.mark.usefixtures("_encoded")
def test_warnings_stand_under_the_texts():
    test = lab("Edit", normal="a cat", abnormal="a cat", templates="one of nothing\n{}")
    assert "has no {}" in said(test).replace("\\", "")
    assert "hardly differ" in said(test)


def test_what_is_wrong_with_a_text_stands_under_its_box():
    """Also where the map cannot be made."""
    test = lab("Edit", normal="a cat\nA cat\na gliomatosis", abnormal="x" * 600)
    kinds = ("text_area", "warning", "caption")
    column = [one.key or one.value for one in test.main if one.type in kinds]
    normal, abnormal = map(column.index, (f"{side}-1" for side in ("normal", "abnormal")))
    below = " ".join(column[normal + 1 : abnormal])
    assert "'a cat' is given twice" in below
    assert "gliomatosis (" in below
    assert "is too long (600 characters" in column[abnormal + 1].replace("\\", "")


@pytest.mark.usefixtures("_encoded")
def test_a_typed_text_is_offered_in_a_new_session():
    widget(lab("Edit").text_area, "normal").set_value("a grey fog").run()
    kept = drafts.newest("appearance")
    assert kept.texts["normal"] == "a grey fog"
    test = lab("Edit")
    assert "a grey area" in widget(test.text_area, "normal").value
    press(test, "Restore draft")
    assert widget(test.text_area, "normal").value == "a grey fog"
    assert not any(button.label.startswith("Restore draft") for button in test.button)


@pytest.mark.usefixtures("_encoded")
def test_a_set_that_is_saved_is_the_chosen_one():
    test = lab("Edit", abnormal="a white cloud")
    test.text_input(key="save_as").set_value("cloudy").run()
    press(test, "Save prompt set")
    assert widget(test.selectbox, "prompts").value == "cloudy"
    assert widget(test.text_area, "abnormal").value == "a white cloud"
    assert "chosen in the sidebar" in test.success[0].value


@pytest.mark.usefixtures("_encoded")
def test_a_users_set_is_renamed_and_deleted_and_others_stay():
    mine, folder = prompt_sets.shipped()["minimal-pair"], home() / "prompts"
    prompt_sets.save(replace(mine, name="cloudy"), folder, owner=mark_of("her"))
    prompt_sets.save(replace(mine, name="his"), folder, owner=mark_of("him"))
    test = opened("Prompts", lab="Edit", **{**APRIL, "prompts": "cloudy"}, user="her")
    assert "yours" in said(test)
    test.text_input(key="rename-cloudy").set_value("foggy")
    press(test, "Rename")
    assert widget(test.selectbox, "prompts").value == "foggy"
    assert "foggy" in prompt_sets.user_sets(folder)
    press(test, "Delete")
    assert widget(test.selectbox, "prompts").value == "aprilgan"
    assert "(edited)" not in said(test)
    assert set(prompt_sets.user_sets(folder)) == {"his"}
    for name in ("his", "aprilgan"):
        widget(test.selectbox, "prompts").select(name).run()
        assert not [one for one in test.button if one.label in ("Rename", "Delete")]
    widget(test.selectbox, "prompts").select("his").run()
    assert "another user" in said(test)


@pytest.mark.usefixtures("_encoded")
def test_a_section_that_is_none_is_the_first():
    assert widget(lab("Nonsense").text_area, "normal").value


@pytest.mark.parametrize("method", ["intensity", "mutual3d"])
def test_a_method_without_text_has_no_lab(method):
    test = opened("Prompts", lab="Null test", method=method)
    assert f"{name_of(method)} reads no text" in said(test)


def test_why_answers_with_charts():
    test = lab("Why")
    assert [one.value for one in test.subheader][:2] == [
        "Pull of each text",
        "Similarity of the texts",
    ]
    assert "minus the mean without it" in said(test)


@pytest.mark.usefixtures("_encoded")
def test_why_and_the_null_test_name_the_region_of_the_data():
    spec = settings.data_roots()[DATA]
    settings.change("data", asdict(replace(spec, region="liver")), lambda row: False)
    test = lab("Why")
    assert "Lesion against healthy liver" in [one.value for one in test.subheader]
    assert "inside the liver of this slice" in said(test)
    assert "healthy voxels of the liver" in said(test)
    test = lab("Null test", **{"null-count": 50, "null-every": 8})
    press(test, "Compare with 50 random pairs")
    until(test, lambda test: test.metric)
    assert test.metric[0].label == "Voxel AUROC (liver)"
    assert "inside the liver on every 8th slice with liver" in said(test)


@pytest.mark.usefixtures("_encoded")
def test_texts_follow_the_method_while_jobs_run():
    go = threading.Event()
    compute.engine().jobs.start("k", "Counting", lambda progress: go.wait())
    test = lab("Edit", rule="fixed")
    for method in ("intensity", "winclip", "intensity", "mvfa", "aprilgan", "intensity", "winclip"):
        widget(test.selectbox, "method").set_value(method).run()
        assert not test.exception, test.exception[0].stack_trace
        if method != "intensity":
            chosen = prompt_choice.all_prompts()[prompt_choice.usual_prompts(method)]
            boxes = [widget(test.text_area, key).value for key in ("normal", "abnormal")]
            assert boxes == ["\n".join(chosen.normal), "\n".join(chosen.abnormal)]
            assert address(test)["prompts"] == [chosen.name]
    go.set()


@pytest.mark.usefixtures("_encoded")
def test_jobs_for_another_rule_or_earlier_texts_end_while_the_map_is_awaited():
    unmapped = {"rule": "oracle", "subject": "DEMO-MET-021-000"}
    test = lab("Edit", user="me", tab="one", **unmapped)
    board, go = compute.engine().jobs, threading.Event()

    def work(progress):
        go.wait(WAIT)
        progress(0, 1)

    kinds, client = (thresholds.TUNING, compute.LIVE), Client(mark_of("me"), "one")
    jobs = [board.start(kind, kind, work, kind=kind, client=client) for kind in kinds]
    test.run()
    ended = [job.stopping for job in jobs]
    go.set()
    for job in board.running().values():
        job.cancel()
    assert ended == [True, True]


def test_the_mean_over_other_subjects_has_its_interval():
    """All three draws of a patient have 1 chance in 27, so three patients span their interval."""
    found = {
        f"A-00{n}-000": others.OtherSubject((0.1, 0.1, 0.1), (value, value, value))
        for n, value in enumerate((0.2, 0.5, 0.8))
    }
    table = others.table(found, "brain", NO_SPLIT).set_index("subject")
    assert table["3D Dice"].tolist() == [0.2, 0.5, 0.8, 0.5, 0.2, 0.8]
    assert table.loc[["mean", "mean low", "mean high"], "Δ 3D Dice"].tolist() == [0.4, 0.1, 0.7]


def test_an_exposed_subject_is_shown_but_no_part_of_the_mean():
    exposed = others.OtherSubject((0.9, 0.9, 0.9), (1.0, 1.0, 1.0), ("checkpoint trained on it",))
    fair = others.OtherSubject((0.1, 0.1, 0.1), (0.2, 0.2, 0.2))
    table = others.table({"A": exposed, "B": fair}, "brain", NO_SPLIT).set_index("subject")
    assert (table["3D Dice"]["A"], table["3D Dice"]["mean"]) == (1.0, 0.2)
    table = others.table({"A": exposed}, "brain", NO_SPLIT).set_index("subject")
    assert math.isnan(table["3D Dice"]["mean"])


@pytest.mark.usefixtures("_encoded")
def test_pictures_of_the_lab_are_of_masks_without_small_components():
    kept, removed = (
        [one.proto.imgs[0].url for one in lab("Edit", threshold=(0.2, 1.0), smallest=size).image]
        for size in (0, 10**6)  # more voxels than any component has
    )
    same = [one == other for one, other in zip(kept, removed, strict=True)]
    assert same == [True, True, True, False, True, False]  # scan, truth; map, mask of both sets


def test_the_oracle_of_a_subject_is_no_oracle_of_others():
    validation = Threshold(0.4, "validation", "4 subjects")
    assert others.elsewhere(validation, "A") == validation
    oracle = others.elsewhere(Threshold(0.5, "oracle", "it saw the truth"), "A")
    assert oracle == Threshold(0.5, "fixed", "the oracle value of A")
