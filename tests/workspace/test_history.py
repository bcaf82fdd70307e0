"""History and leaderboard: nothing lost by a crash or by another session; numbers by hand."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from zsad_core.base.paths import home
from zsad_core.errors import SettingError
from zsad_core.imaging.splits.tables import SplitTable
from zsad_core.lab import leaderboard
from zsad_core.metrics.readout import Readout
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import (
    BackboneSpec,
    DataSpec,
    FeatureSpec,
    MapSpec,
    PromptSet,
    ReadoutSpec,
    SliceSpec,
    Threshold,
)
from zsad_core.workspace import history

OWN = PromptSet("mine", ("grau: ü",), ("a\nb",), ("{}.",), "brain", "own", ("S9",), ("off",))
AT_20, AT_30 = Threshold(0.2, "fixed"), Threshold(0.3, "fixed")
GOOD = Readout(0.2, 1.0, dice_3d=1.0, best_dice=1.0, auroc=1.0)
BAD = Readout(0.2, 1.0, dice_3d=2 / 3, best_dice=2 / 3, auroc=0.5)
WITHOUT_LESION = Readout(0.2, 1.0)


def spec(subject="S1", prompts=OWN, method="winclip"):
    slices = SliceSpec(DataSpec("folder", "/data"), subject, "t2f")
    return MapSpec(FeatureSpec(slices, None, BackboneSpec(), "float32"), method, "x", prompts)


def named(name, text):
    return PromptSet(name, ("a",), (text,))


def test_a_trial_is_read_back_with_its_numbers():
    made = history.add(spec(), BAD, AT_20)
    assert history.trials() == (made,)
    assert (made.dice, made.best_dice, made.auroc) == (pytest.approx(2 / 3), 2 / 3, 0.5)
    assert (made.prompts, made.subject, made.threshold, made.rule) == (OWN, "S1", 0.2, "fixed")


def test_the_same_trial_is_kept_once_and_one_without_lesion_never():
    history.add(spec(), BAD, AT_20)
    assert history.add(spec(prompts=replace(OWN, name="else")), BAD, AT_20) is None
    assert history.add(spec("S2"), WITHOUT_LESION, AT_20) is None
    assert history.add(spec(), BAD, AT_30) is not None
    assert len(history.trials()) == 2


def test_one_value_by_two_rules_is_two_trials_and_ends_the_wait_of_the_second():
    history.add(spec(), BAD, AT_20)
    by_rule = Threshold(0.2, "validation")
    assert history.add(spec(), BAD, by_rule).rule == "validation"
    history.add(spec("S2"), BAD, "validation")
    history.add(spec("S2"), BAD, AT_20)
    assert history.add(spec("S2"), BAD, by_rule).threshold == 0.2
    assert [(one.subject, one.rule, one.threshold) for one in history.trials()] == [
        ("S1", "fixed", 0.2),
        ("S1", "validation", 0.2),
        ("S2", "validation", 0.2),
        ("S2", "fixed", 0.2),
    ]


def test_only_new_texts_are_by_hand():
    assert history.add(spec("S1"), BAD, AT_20, True).by_hand
    assert not history.add(spec("S2"), BAD, AT_20, True).by_hand


def test_stars_and_notes_stay_with_their_trial():
    first, second = (history.add(spec(name), BAD, AT_20) for name in ("S1", "S2"))
    history.star(second, True)
    history.note(second, "odd: ü\n")
    history.note(second, "better")
    history.star(replace(second, id="gone"), True)
    assert history.trials() == (first, replace(second, star=True, note="better"))
    history.star(second, False)
    assert not history.trials()[1].star


def test_a_line_cut_short_by_a_crash_is_passed_over():
    first = history.add(spec("S1"), BAD, AT_20)
    with (home() / "history.jsonl").open("ab") as file:
        file.write(b'{"trial": {"id": "x", "ti')
    second = history.add(spec("S2"), BAD, AT_20)
    assert history.trials() == (first, second)


def test_sessions_append_at_once_without_loss():
    def work(number):
        for one in range(5):
            history.add(spec(f"S{number}-{one}"), BAD, AT_20)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.subject for one in history.trials()}) == 30


def test_the_change_is_since_the_last_trial_that_can_be_compared():
    made = [
        history.add(spec("S1", named("one", "b")), BAD, AT_20),
        history.add(spec("S2", named("one", "b")), GOOD, AT_20),
        history.add(spec("S1", named("one", "b"), "aprilgan"), GOOD, AT_20),
        history.add(spec("S1", named("two", "c")), GOOD, Threshold(0.3, "validation")),
        history.add(spec("S1", named("two", "c")), GOOD, AT_20),
    ]
    before = history.previous(made)
    assert before == {**dict.fromkeys((one.id for one in made[:4]), None), made[4].id: made[0]}


def test_a_trial_is_kept_while_its_threshold_is_computed_and_completed_later():
    waiting = history.add(spec(), BAD, "validation", True)
    assert (waiting.threshold, waiting.rule) == (None, "validation")
    assert np.isnan(waiting.dice)
    assert history.add(spec(), BAD, "validation") is None
    complete = history.add(spec(), BAD, Threshold(0.2, "validation"))
    (trial,) = history.trials()
    assert trial == complete == replace(waiting, threshold=0.2, dice=BAD.dice_3d)
    assert history.add(spec(), BAD, "validation") is None


def test_an_edit_reads_only_what_was_appended():
    history.add(spec(), BAD, AT_20)
    path = home() / "history.jsonl"
    line = json.loads(path.read_text())
    with path.open("a") as file:
        for number in range(2000):
            line["trial"] |= {"id": f"{number:012x}", "subject": f"T{number}"}
            file.write(json.dumps(line) + "\n")
    assert len(history.trials()) == 2001
    size = path.stat().st_size
    with path.open("r+b") as file:  # read again, half of them would be none
        file.seek(size // 2)
        file.write(b"#" * (size - size // 2 - 1))
    history.add(spec("S2"), BAD, AT_20)
    assert path.stat().st_size > size
    assert len(history.trials()) == 2002


def test_prompts_are_judged_where_they_were_not_tuned():
    searched = replace(named("searched", "s"), tuned_on=("S1", "S2"))
    for subject, found in (("S1", GOOD), ("S2", GOOD), ("S3", BAD)):
        history.add(spec(subject, searched), found, AT_20)
    history.add(spec("S1", named("typed", "t")), GOOD, AT_20, by_hand=True)
    plain = prompt_sets.shipped()["medical"]
    for subject, found in (("S1", GOOD), ("S3", BAD), ("S4", GOOD)):
        history.add(spec(subject, plain), found, AT_20)
    board = {
        one.prompts.name: one
        for one in leaderboard.standings(history.trials(), ("S1", "S2", "S3"), "fixed")
    }
    assert list(board) == ["medical", "searched", "typed"]
    assert board["searched"].judged == ("S3",)
    assert board["searched"].tuned == ("S1", "S2")
    assert board["searched"].best_dice == pytest.approx(2 / 3)
    assert np.isnan(board["searched"].deviation)
    assert board["medical"].judged == ("S1", "S3")
    assert board["medical"].best_dice == pytest.approx((1 + 2 / 3) / 2)
    assert board["medical"].deviation == pytest.approx((1 / 3) / 2**0.5)
    assert (board["typed"].judged, board["typed"].tuned) == ((), ("S1",))
    assert np.isnan(board["typed"].auroc)


def test_means_of_the_leaderboard_have_their_intervals_over_patients():
    """All three draws of a patient have 1 chance in 27, so three patients span their interval."""
    subjects = ["A-001-000", "A-001-001", "A-002-000", "A-003-000"]
    for subject, found in zip(subjects, (GOOD, GOOD, BAD, BAD), strict=True):
        history.add(spec(subject), found, AT_20)
    (three,) = leaderboard.standings(history.trials(), subjects, "fixed")
    assert three.dice == pytest.approx((1 + 1 + 2 / 3 + 2 / 3) / 4)
    assert three.intervals["dice"] == pytest.approx((2 / 3, 1))
    assert three.intervals["auroc"] == pytest.approx((0.5, 1))
    (two,) = leaderboard.standings(history.trials(), subjects[:3], "fixed")
    assert np.isnan(two.intervals["dice"]).all()  # three subjects of two patients


def test_trials_of_masks_made_in_other_ways_stand_apart():
    large = ReadoutSpec(min_component_voxels=300)
    for found, mask in ((GOOD, large), (BAD, ReadoutSpec())):
        assert history.add(spec("S1"), found, AT_20, mask=mask) is not None
    assert history.add(spec("S1"), BAD, AT_20, mask=large) is None  # shown before
    single = ReadoutSpec(min_component_voxels=1)  # the same masks as without a smallest one
    assert history.add(spec("S1"), BAD, AT_20, mask=single) is None
    first, second = history.trials()
    assert (first.mask, second.mask) == ((True, 300), (True, 0))
    assert history.previous(history.trials())[second.id] is None
    board = leaderboard.standings(history.trials(), ("S1",), "fixed")
    assert [(one.mask, one.dice) for one in board] == [((True, 300), 1.0), ((True, 0), BAD.dice_3d)]


def test_equal_values_of_the_leaderboard_deviate_by_nothing():
    """The mean of three times 0.1 is rounded, and the sd around it would be 1.7e-17."""
    for subject in ("S1", "S2", "S3"):
        history.add(spec(subject), replace(BAD, best_dice=0.1), AT_20)
    (one,) = leaderboard.standings(history.trials(), ("S1", "S2", "S3"), "fixed")
    assert one.deviation == 0


def test_other_scans_of_a_patient_searched_on_do_not_judge():
    searched = replace(named("searched", "s"), tuned_on=("A-001-000",))
    for subject, found in (("A-001-001", GOOD), ("A-002-000", BAD)):
        history.add(spec(subject, searched), found, AT_20)
    (one,) = leaderboard.standings(history.trials(), ("A-001-001", "A-002-000"), "fixed")
    assert (one.judged, one.tuned) == (("A-002-000",), ("A-001-001",))


def test_copies_of_a_scan_searched_on_do_not_judge_under_another_id():
    searched = replace(named("searched", "s"), tuned_on=("A-001-000",))
    for subject, found in (("B-7-000", GOOD), ("B-7-001", GOOD), ("A-002-000", BAD)):
        history.add(spec(subject, searched), found, AT_20)
    subjects = ("A-002-000", "B-7-000", "B-7-001")
    split = SplitTable("", (), copies=(("A-001-000", "B-7-000"),))
    (one,) = leaderboard.standings(history.trials(), subjects, "fixed", split)
    assert (one.judged, one.tuned) == (("A-002-000",), ("B-7-000", "B-7-001"))


def test_exposed_subjects_judge_where_that_is_asked_for():
    for subject, found in (("S1", GOOD), ("S2", BAD)):
        history.add(spec(subject), found, AT_20)
    first = history.trials()[0]
    exposed = {(first.method, first.setup, "S1"), ("another", first.setup, "S2")}
    choice = (history.trials(), ("S1", "S2"), "fixed", leaderboard.NO_SPLIT, exposed)
    (apart,) = leaderboard.standings(*choice)
    assert (apart.judged, apart.exposed, apart.dice) == (("S2",), ("S1",), BAD.dice_3d)
    (together,) = leaderboard.standings(*choice, with_exposed=True)
    assert (together.judged, together.exposed) == (("S1", "S2"), ("S1",))


def test_a_renamed_copy_of_tuned_texts_stays_tuned():
    searched = replace(named("searched", "s"), tuned_on=("S1",))
    history.add(spec("S2", searched), BAD, AT_20)
    history.add(spec("S1", named("innocent", "s")), GOOD, AT_20)
    (one,) = leaderboard.standings(history.trials(), ("S1", "S2"), "fixed")
    assert (one.judged, one.tuned) == (("S2",), ("S1",))


def test_a_subject_counts_with_its_last_trial():
    for value, read in ((0.3, BAD), (0.2, GOOD)):
        history.add(spec("S1"), read, Threshold(value, "validation"))
    (one,) = leaderboard.standings(history.trials(), ("S1",), "validation")
    assert (one.dice, one.judged, one.threshold) == (1.0, ("S1",), None)
    assert leaderboard.standings(history.trials(), ("S7",), "validation") == []


def test_sets_are_ranked_by_dice_at_the_thresholds_of_one_rule():
    """By best Dice, or with the oracle among the trials, the other set would lead."""
    even = Readout(0.2, 1.0, dice_3d=0.5, best_dice=0.6, auroc=0.5)
    peaked = Readout(0.2, 1.0, dice_3d=0.4, best_dice=0.9, auroc=0.5)
    history.add(spec("S1", named("even", "e")), even, Threshold(0.2, "validation"))
    history.add(spec("S1", named("peaked", "p")), peaked, Threshold(0.2, "validation"))
    history.add(spec("S1", named("peaked", "p")), GOOD, Threshold(0.7, "oracle"))
    board = leaderboard.standings(history.trials(), ("S1",), "validation")
    assert [(one.prompts.name, one.dice) for one in board] == [("even", 0.5), ("peaked", 0.4)]


def test_sets_at_different_fixed_thresholds_stand_apart():
    history.add(spec("S1"), BAD, AT_30)
    history.add(spec("S2"), GOOD, AT_20)
    board = leaderboard.standings(history.trials(), ("S1", "S2"), "fixed")
    assert [(one.threshold, one.judged) for one in board] == [(0.2, ("S2",)), (0.3, ("S1",))]


def test_a_deleted_trial_counts_no_more_but_its_subject_has_seen_the_texts():
    typed = history.add(spec("S1"), GOOD, AT_20, by_hand=True)
    history.add(spec("S2"), BAD, AT_20)
    history.delete(typed)
    assert [one.subject for one in history.trials()] == ["S2"]
    again = history.add(spec("S1"), GOOD, AT_20, by_hand=True)
    assert [one.subject for one in history.trials()] == ["S2", "S1"]
    history.delete(again)
    history.add(spec("S1"), GOOD, AT_20)
    (one,) = leaderboard.standings(history.all_trials(), ("S1", "S2"), "fixed")
    assert (one.judged, one.tuned) == (("S2",), ("S1",))


def test_a_trial_is_renamed_and_only_its_owner_changes_it():
    made = history.add(spec(), BAD, AT_20, owner="her")
    history.rename(made, "foggy", "her")
    (trial,) = history.trials()
    assert trial == replace(made, prompts=replace(OWN, name="foggy"))
    for change in (
        lambda: history.rename(made, "his", "him"),
        lambda: history.delete(made, "him"),
        lambda: history.star(made, True),
        lambda: history.note(made, "x"),
    ):
        with pytest.raises(SettingError, match="another user's"):
            change()
    for name in ("", "x" * 81, "winclip"):
        with pytest.raises(SettingError, match="choose a name"):
            history.rename(made, name, "her")
    assert history.trials() == (trial,)


def test_a_trial_of_an_older_version_is_kept_and_compared_with_none():
    new = history.add(spec("S1"), GOOD, AT_20)
    with (home() / "history.jsonl").open("rb") as file:
        line = json.loads(file.readline())
    older = {**line["trial"], "id": "0" * 12, "level": 128, "dice": 0.1}
    del older["threshold"]
    with (home() / "history.jsonl").open("a") as file:
        file.write(json.dumps({"trial": older}) + "\n")
    first, second = history.trials()
    assert (second.threshold, second.level, second.dice) == (None, 128, 0.1)
    assert history.previous([first, second])[second.id] is None
    (one,) = leaderboard.standings(history.trials(), ["S1"], "fixed")
    assert one.dice == new.dice
