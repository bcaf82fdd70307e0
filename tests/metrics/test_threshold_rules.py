"""Each threshold rule against a search over every candidate, and on its edge cases."""

import numpy as np
import pytest
from scipy import ndimage

from tests.helpers.maps import dice_at, volume
from zsad_core.errors import SettingError
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.metrics import thresholds
from zsad_core.metrics.plateaus import SMALLEST, STEPS, plateau_threshold
from zsad_core.metrics.threshold_rules import (
    RULES,
    Fixed,
    MapRule,
    TunedRule,
    TuningCurves,
    rule_of,
)
from zsad_core.metrics.thresholds import NormalCurve, false_positive_threshold
from zsad_core.types import Subject


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_read_from_its_text(name):
    rule = RULES[name]
    assert rule.name == name
    assert rule_of(rule.text) == rule
    assert rule.title
    assert rule.basis
    assert rule.explanation.endswith(".")


@pytest.mark.parametrize(
    ("text", "name", "amount"),
    [
        ("fp:0.25ml", "fp", 0.25),
        ("fp:3", "fp", 3.0),
        (" share:5 %", "share", 5.0),
        ("share", "share", 2.0),
        ("50%", "fixed", 0.0),
        ("oracle:2", "fixed", 0.0),
    ],
)
def test_a_text_names_rule_and_amount(text, name, amount):
    assert (rule_of(text).name, rule_of(text).amount) == (name, amount)


@pytest.mark.parametrize("text", ["fp:x", "fp:0", "share:101%", "share:nan", "fp:-1ml", "fp:inf"])
def test_an_amount_that_a_rule_does_not_take_is_refused(text):
    with pytest.raises(SettingError, match=f"rule '{text}' cannot be used; give more than 0"):
        rule_of(text)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("percent", [0.01, 2, 50, 100])
@pytest.mark.parametrize("ties", [False, True])
def test_the_share_of_the_brain_is_the_highest_threshold_that_predicts_it(seed, percent, ties):
    values, brain, _ = volume(seed)
    values = np.round(values, 1) if ties else values
    wanted = max(1, round(brain.sum() * percent / 100))
    best = max(v for v in np.unique(values[brain]) if (values[brain] >= v).sum() >= wanted)
    assert thresholds.brain_share_threshold(values, brain, percent) == best


def test_a_larger_share_never_has_a_higher_threshold():
    values, brain, _ = volume(1)
    shares = [thresholds.brain_share_threshold(values, brain, q) for q in np.linspace(0.1, 100, 50)]
    assert shares == sorted(shares, reverse=True)


def smooth(seed):
    """A map whose components merge as the threshold falls."""
    random = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(random.random((16, 24, 24)), 2)
    values = (values - values.min()) / np.ptp(values)
    brain = np.zeros(values.shape, bool)
    brain[2:-2, 3:-3, 3:-3] = True
    brain[2, 8:] = False  # so little brain that the slice's low maximum does not count
    return values.astype(np.float32), brain


def counted(values, brain, threshold):
    labels, number = ndimage.label(brain & (values >= threshold), np.ones((3, 3, 3)))
    sizes = [(labels == label).sum() for label in range(1, number + 1)]
    return sum(size >= SMALLEST for size in sizes)


@pytest.mark.parametrize("seed", range(4))
def test_the_plateau_is_the_longest_stretch_of_one_number_of_components(seed):
    values, brain = smooth(seed)
    full = [brain.sum(axis=(1, 2)).max() <= 2 * inside.sum() for inside in brain]
    peaks = [values[s][brain[s]].max() for s in np.flatnonzero(full)]
    steps = np.linspace(max(peaks), min(peaks), STEPS, dtype=np.float32)
    counts = [counted(values, brain, step) for step in steps]
    best, length = 0, 0
    for end in range(STEPS):
        start = end
        while start and counts[start - 1] == counts[end]:
            start -= 1
        if counts[end] and end - start + 1 >= length:
            best, length = end, end - start + 1
    assert plateau_threshold(values, brain) == steps[best]


def test_a_map_of_one_value_has_it_for_its_plateau():
    brain = np.ones((4, 4, 4), bool)
    assert plateau_threshold(np.full((4, 4, 4), 0.5, np.float32), brain) == 0.5
    assert plateau_threshold(np.full((1, 2, 2), 0.5, np.float32), brain[:1, :2, :2]) == 0.5


@pytest.mark.parametrize("rule", [r for r in RULES.values() if isinstance(r, MapRule)], ids=str)
def test_a_map_without_brain_has_no_threshold(rule):
    values, brain, truth = volume(0)
    nothing = np.zeros_like(brain)
    assert np.isnan(rule.of_map(values, nothing, truth))
    assert rule.lack(nothing, truth)
    assert not rule.lack(brain, truth)
    assert rule.of_map(values, brain, truth) in values
    assert {rule.pending: 1}[rule_of(rule.text).pending] == 1


@pytest.mark.parametrize("name", ["share", "components"])
def test_rules_from_images_alone_read_no_truth(name):
    values, brain, truth = volume(0)
    given = {RULES[name].of_map(values, brain, other) for other in (truth, ~truth, None)}
    assert len(given) == 1


def normal_curve(seed, voxel_ml=0.5):
    """Of lesion-free values, with every distinct value as a threshold."""
    values = np.random.default_rng(seed).integers(0, 40, 200).astype(np.float32) / 40
    levels = np.unique(np.append(values, np.float32(0)))
    return values, NormalCurve(levels, np.array([(values >= v).sum() * voxel_ml for v in levels]))


@pytest.mark.parametrize("most_ml", [0.1, 3, 20, 100, 1000])
def test_the_false_positives_allowed_are_met_by_the_lowest_threshold(most_ml):
    subjects = [normal_curve(seed) for seed in range(3)]
    value = false_positive_threshold([curve for _, curve in subjects], most_ml)

    def mean_ml(threshold):
        return np.mean([(values >= threshold).sum() * 0.5 for values, _ in subjects])

    candidates = np.unique(np.concatenate([curve.thresholds for _, curve in subjects]))
    allowed = [v for v in candidates if mean_ml(v) <= most_ml]
    assert mean_ml(value) <= most_ml
    assert value == (allowed[0] if allowed else np.nextafter(candidates[-1], np.float32(2)))


def test_more_false_positives_allowed_never_raise_the_threshold():
    curves = [normal_curve(seed)[1] for seed in range(3)]
    values = [false_positive_threshold(curves, ml) for ml in np.linspace(0.01, 110, 60)]
    assert values == sorted(values, reverse=True)


def test_between_two_thresholds_of_a_curve_the_bound_holds():
    """0.3 lies between two of the coarse curve's own, so its volume counts as that at 0.2."""
    coarse = NormalCurve(np.float32([0, 0.2, 0.4]), np.array([9.0, 5.0, 1.0]))
    fine = NormalCurve(np.float32([0, 0.3]), np.array([9.0, 0.0]))
    assert false_positive_threshold([coarse, fine], 2.5) == pytest.approx(0.3)
    assert false_positive_threshold([coarse, fine], 2.4) == pytest.approx(0.4)


def test_false_positives_need_a_lesion_free_slice():
    curve = thresholds.curve(*volume(0))
    with pytest.raises(SettingError, match="No train or validation subject has a lesion-free"):
        RULES["fp"].of_curves([TuningCurves(curve)])


def test_false_positives_count_the_subjects_that_have_one():
    curves = [TuningCurves(thresholds.curve(*volume(n)), normal_curve(n)[1]) for n in (0, 1)]
    threshold = rule_of("fp:3").of_curves([*curves, TuningCurves(thresholds.curve(*volume(2)))])
    assert threshold.rule == "fp:3ml"
    assert "at most 3 ml" in threshold.note
    assert "2 train or validation subjects" in threshold.note


@pytest.mark.parametrize("name", ["validation", "cross-validation"])
def test_the_note_counts_the_subjects_with_lesion(name):
    arrays = volume(0)
    ill = TuningCurves(thresholds.curve(*arrays))
    free = TuningCurves(thresholds.curve(*arrays[:2], np.zeros_like(arrays[2])))
    threshold = RULES[name].of_curves([ill, free, ill])
    assert threshold.rule == name
    assert threshold.note.startswith("best mean 3D Dice over validation subjects")
    assert threshold.note.endswith(", 2 with a lesion")
    best = max(dice_at(v, *arrays) for v in np.unique(arrays[0]))
    assert dice_at(threshold.value, *arrays) == pytest.approx(best)


FOLDS = (
    Fold(("c", "d", "e", "f"), ("a", "b"), ("t",)),
    Fold(("a", "b", "e", "f"), ("c", "d"), ("t",)),
    Fold(("a", "b", "c", "d"), ("e", "f"), ("t",)),
)


def tuned_on(name, subject, folds=FOLDS):
    parts = folds[0].part_of() if folds else {}
    subjects = [Subject(n, ("t2f",), True, parts.get(n, "")) for n in "abcdeft"]
    return "".join(one.id for one in RULES[name].tuning(subjects, SplitTable("", folds), subject))


def test_each_rule_is_tuned_on_its_parts():
    assert tuned_on("validation", "t") == "ab"
    assert tuned_on("fp", "t") == "abcdef"
    assert tuned_on("validation", "t", ()) == tuned_on("fp", "t", ()) == ""


@pytest.mark.parametrize(("subject", "others"), [("t", "abcdef"), ("a", "cdef"), ("d", "abef")])
def test_cross_validation_leaves_the_subjects_own_fold_out(subject, others):
    assert tuned_on("cross-validation", subject) == others


def test_cross_validation_leaves_other_time_points_of_the_patient_out():
    first, later = "P-001-000", "P-001-001"  # each fold leaves one of them out
    folds = (Fold(("a",), (first,)), Fold(("a",), (later, "b")), Fold(("a",), ("c",)))
    subjects = [Subject(name, ("t2f",), True) for name in (first, later, *"abc")]
    tuning = RULES["cross-validation"].tuning(subjects, SplitTable("cv", folds), first)
    assert [one.id for one in tuning] == ["c"]


def test_cross_validation_leaves_copies_of_the_patients_scans_out():
    scan, later, copy = "P-001-000", "P-001-001", "Q-001-000"  # each fold leaves some of them out
    folds = (Fold(("a",), (scan,)), Fold(("a",), (copy, "b")), Fold(("a",), ("c",)))
    subjects = [Subject(name, ("t2f",), True) for name in (scan, later, copy, *"abc")]
    table = SplitTable("cv", folds, copies=((scan, copy),))
    for subject in (scan, later, copy):
        tuning = RULES["cross-validation"].tuning(subjects, table, subject)
        assert [one.id for one in tuning] == ["c"]


def test_cross_validation_needs_several_folds():
    assert tuned_on("cross-validation", "t", FOLDS[:1]) == ""


def test_every_rule_is_of_one_kind():
    for rule in RULES.values():
        assert sum(isinstance(rule, kind) for kind in (Fixed, MapRule, TunedRule)) == 1
