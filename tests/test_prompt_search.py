"""Search on a small scan: ranked as measured one by one, grown only by what helps, judged apart."""

from dataclasses import replace

import numpy as np
import pytest

from tests.test_candidates import PAIR, engine, spec
from zsad_core.errors import Cancelled, SettingError
from zsad_core.lab import candidates, goals, prompt_search
from zsad_core.lab.prompt_search import Plan

__all__ = ["engine", "spec"]

PHRASES = ("a cat", "a dog", "a tree", "a bright spot")
PLAN = Plan(("a",), (), PHRASES, best=2, most=2, every=8)


def histogram(healthy, lesion):
    """(2, 256) from {level: voxels} of each side."""
    found = np.zeros((2, 256), np.int64)
    for side, counts in enumerate((healthy, lesion)):
        for level, count in counts.items():
            found[side, level] = count
    return found


def test_the_goal_is_the_best_mean_dice_at_one_level_for_all_subjects():
    """At level 20 the subjects have Dice 1 and 2/3, at 30 only 0 and 1; lesion-free is left out."""
    one, other = histogram({10: 4}, {20: 2}), histogram({10: 4, 20: 1}, {30: 1})
    none = histogram({30: 9}, {})
    of_candidate = np.stack([one, other, none])[:, None]
    assert goals.value(of_candidate, "dice").tolist() == [pytest.approx((1 + 2 / 3) / 2)]
    assert goals.best_level(of_candidate[:, 0]) == 11  # the lowest level above the healthy 10
    assert goals.value(of_candidate, "auroc").tolist() == [1.0]
    judged = goals.judged(of_candidate[:, 0], 30)
    assert (judged.dice, judged.best_dice, judged.auroc) == (0.5, 1.0, 1.0)
    assert np.isnan(goals.judged(none[None], 30).dice)


@pytest.mark.parametrize("goal", goals.GOALS)
def test_without_a_lesion_nothing_can_be_searched(goal):
    with pytest.raises(SettingError, match="None of the 1 search subjects has a lesion"):
        goals.value(histogram({3: 4}, {})[None, None], goal)


def test_what_is_found_is_what_each_candidate_reaches_by_itself(engine, spec):
    seen = []
    found = prompt_search.search(engine, spec, PLAN, lambda *at: seen.append(at))

    def reached(prompts):
        return goals.value(candidates.histograms(engine, spec, ["a"], [prompts], 8), "dice")[0]

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
    judged, values = [], candidates.patch_values
    monkeypatch.setattr(candidates, "patch_values", lambda *a: judged.append(a) or values(*a))
    prompt_search.search(engine, spec, PLAN)
    count = len(judged)
    assert count
    prompt_search.search(engine, spec, PLAN)
    assert len(judged) == count


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"search": ()}, "needs 1 subject or more"),
        ({"held_out": ("a",)}, "a is searched on and held out"),
        ({"phrases": ("a",)}, "needs 2 phrases or more, and there are 1"),
    ],
)
def test_what_cannot_be_searched_is_said(engine, spec, changes, words):
    with pytest.raises(SettingError, match=words):
        prompt_search.search(engine, spec, replace(PLAN, **changes))
