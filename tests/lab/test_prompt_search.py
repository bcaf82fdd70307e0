"""Search on a small scan: ranked as measured one by one, grown only by what helps, judged apart."""

from dataclasses import replace

import numpy as np
import pytest

from tests.helpers.brats import patients
from zsad_core import methods
from zsad_core.errors import Cancelled, SettingError
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.lab import candidates, prompt_search
from zsad_core.lab.candidates import Measured
from zsad_core.lab.prompt_search import Plan
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import SliceSpec

PAIR = prompt_sets.shipped()["minimal-pair"]

PHRASES = ("a cat", "a dog", "a tree", "a bright spot")
PLAN = Plan(("a",), (), PHRASES, best=2, most=2, every=8)


NONE = np.full((1, 2), np.nan)


def test_the_goal_is_a_mean_over_the_subjects_that_have_a_lesion():
    dice, auroc = np.array([[0.2, 0.8], [0.4, 0.4]]), np.array([[1.0, 0.5], [0.5, 0.5]])
    parts = (np.concatenate([one, NONE]) for one in (auroc, dice + 0.1, dice))
    found = Measured(*parts, threshold=np.array([0.3, 0.7]))
    assert prompt_search.value(found, "dice") == pytest.approx([0.3, 0.6])
    assert prompt_search.value(found, "auroc") == pytest.approx([0.75, 0.5])
    judged = prompt_search.judged(found, 1)
    numbers = (judged.dice, judged.best_dice, judged.auroc, judged.threshold)
    assert numbers == pytest.approx((0.6, 0.7, 0.5, 0.7))
    assert np.isnan(prompt_search.judged(Measured(NONE, NONE, NONE, NONE[0]), 0).dice)


def test_one_threshold_serves_all_subjects():
    """At 0.2 the subjects have Dice 1 and 2/3, at 0.3 only 0 and 1; lesion-free is left out."""
    values = [np.float32([[0.1, 0.2]]), np.float32([[0.1, 0.2, 0.3]]), np.float32([[0.3]])]
    pixels = [[[4, 0], [0, 2]], [[4, 1, 0], [0, 0, 1]], [[9], [0]]]
    looked = [candidates._Looked([0], np.array(one, float)) for one in pixels]
    found = candidates._measure(values, looked, None)[:, 0]
    assert found[0] == pytest.approx(0.2)
    np.testing.assert_allclose(found[7:], [1, 2 / 3, np.nan])


@pytest.mark.parametrize("goal", prompt_search.GOALS)
def test_without_a_lesion_nothing_can_be_searched(goal):
    with pytest.raises(SettingError, match="None of the 1 search subjects has a lesion"):
        prompt_search.value(Measured(NONE, NONE, NONE, NONE[0]), goal)


def test_what_is_found_is_what_each_candidate_reaches_by_itself(engine, spec):
    seen = []
    found = prompt_search.search(engine, spec, PLAN, lambda *at: seen.append(at))

    def reached(prompts):
        return prompt_search.value(candidates.measured(engine, spec, ["a"], [prompts], 8), "dice")[
            0
        ]

    for ranked in (found.normal, found.abnormal, found.pairs, found.steps):
        for one in ranked:
            assert one.value == pytest.approx(reached(one.prompts))
    for ranked in (found.normal, found.abnormal, found.pairs):
        assert list(ranked) == sorted(ranked, key=lambda one: -one.value)
    assert {one.words for one in found.normal} == set(PHRASES)
    assert len(found.pairs) == 4
    values = [one.value for one in found.steps]
    assert all(np.diff(values) > 0)
    assert values[0] == pytest.approx(reached(PAIR))
    assert max(one.value for one in found.pairs) <= values[-1]
    assert found.winner.tuned_on == ("a",)
    assert found.judged["after", "search"].dice == pytest.approx(values[-1])
    assert seen == sorted(seen)
    assert seen[-2:] == [(PLAN.size, PLAN.size)] * 2  # the winner judged, then all
    assert found.tried <= PLAN.size


def test_a_cancelled_search_goes_on_where_it_stopped(engine, spec, monkeypatch):
    def stop(done, total):
        if done > 2 * len(PHRASES):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        prompt_search.search(engine, spec, PLAN, stop)
    kind, judged = methods.METHODS[spec.method], []
    values = kind.patch_values
    monkeypatch.setattr(kind, "patch_values", lambda *a: judged.append(a) or values(*a))
    prompt_search.search(engine, spec, PLAN)
    count = len(judged)
    assert count
    prompt_search.search(engine, spec, PLAN)
    assert len(judged) == count


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"search": ()}, "needs 1 subject or more"),
        ({"held_out": ("a",)}, "a, its copy or another scan of its patient is searched on"),
        ({"held_out": ("b",)}, "b, its copy or another scan of its patient is searched on"),
        ({"phrases": ("a",)}, "needs 2 phrases or more, and there are 1"),
    ],
)
def test_what_cannot_be_searched_is_said(engine, spec, changes, words):
    with pytest.raises(SettingError, match=words):
        prompt_search.search(engine, spec, replace(PLAN, **changes))


def test_no_scan_of_a_patient_searched_on_is_held_out(engine, spec, tmp_path):
    slices = SliceSpec(patients(tmp_path / "brats", 1, 2), "", "t2f")
    of_patient = replace(spec, features=replace(spec.features, slices=slices))
    first, later = "BraTS-MET-00000-000", "BraTS-MET-00000-001"
    plan = replace(PLAN, search=(first,), held_out=(later,))
    with pytest.raises(SettingError, match=f"{later}, its copy or another scan of its patient"):
        prompt_search.search(engine, of_patient, plan)


def test_a_search_chooses_on_train_and_validation_subjects_alone(engine, spec):
    data = spec.features.slices.data
    registry.save(data, SplitTable("main", (Fold(validation=("b",), test=("a",)),)))
    slices = replace(spec.features.slices, data=replace(data, split="main"))
    of_split = replace(spec, features=replace(spec.features, slices=slices))
    with pytest.raises(SettingError, match="a is a test subject, and a search chooses on train"):
        prompt_search.search(engine, of_split, PLAN)
