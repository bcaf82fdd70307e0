"""Lesion rules: by hand, against a plain reference (2023) and the official scorer (2025/26)."""

from collections import deque
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from zsad_core.metrics.lesions import RULES, lesions, scores
from zsad_core.metrics.surfaces import hd95_mm, nsd, surfaces

GOLDEN = np.load(Path(__file__).parents[1] / "goldens" / "panoptica_lesions.npz")
MASKS = np.unpackbits(GOLDEN["masks"], count=int(GOLDEN["shape"].prod())).astype(bool)
MASKS = MASKS.reshape(GOLDEN["shape"])
NAMES = GOLDEN["names"].tolist()
SHAPE = (8, 9, 30)
UNIT = (1.0, 1.0, 1.0)


def line(*parts):
    """Rods of 2 x 2 voxels along the last axis, each from one place to another."""
    mask = np.zeros(SHAPE, bool)
    for first, last in parts:
        mask[2:4, 2:4, first:last] = True
    return mask


def scores_of(truth, predicted, rule, spacing=UNIT):
    return scores(lesions(truth, predicted, spacing, rule), rule)


@pytest.mark.parametrize("number", range(len(NAMES)), ids=[n.replace(" ", "-") for n in NAMES])
def test_2025_agrees_with_the_official_scorer(number):
    truth, predicted = MASKS[number]
    ours = scores_of(truth, predicted, "brats2025", tuple(GOLDEN["spacing_mm"][number]))
    pairs = {
        "lesionwise_dsc_mean": ours.dice,
        "lesionwise_nsd_mean": ours.nsd,
        "lesionwise_hd95_mean": ours.hd95_mm,
        "all_instance_fp": ours.false_positives,
        "small_instance_f1": ours.small_f1,
    }
    if not np.isnan(ours.small_f1):
        pairs |= {
            "small_instance_tp": ours.small_true_positives,
            "small_instance_fn": ours.small_missed,
        }
    for name, value in pairs.items():
        assert value == pytest.approx(GOLDEN[name][number], abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("number", range(len(NAMES)), ids=[n.replace(" ", "-") for n in NAMES])
def test_2025_counts_every_lesion_of_the_official_scorer(number):
    truth, predicted = MASKS[number]
    ours = lesions(truth, predicted, UNIT, "brats2025")
    assert ours.detected.sum() == GOLDEN["all_instance_tp"][number]
    assert (~ours.detected).sum() == GOLDEN["all_instance_fn"][number]


def test_border_voxels_give_the_official_whole_volume_surface_metrics():
    """It measures in voxels, NSD at half of one; nothing overlapping is an empty case there."""
    count = 0
    for number, (truth, predicted) in enumerate(MASKS):
        if (truth & predicted).any():
            distances = surfaces(truth, predicted, UNIT, "voxels")
            assert hd95_mm(distances) == pytest.approx(GOLDEN["global_hd95"][number])
            assert nsd(distances, 0.5) == pytest.approx(GOLDEN["global_nsd"][number])
            count += 1
    assert count > 20


NOTHING = line()
BY_HAND = {
    # (truth, predicted): dice, hits, false positives, missed
    "nothing at all": (NOTHING, NOTHING, 1, 0, 0, 0),
    "only false": (NOTHING, line((2, 5), (9, 12)), 0, 0, 2, 0),
    "all missed": (line((2, 5)), NOTHING, 0, 0, 0, 1),
    "half found": (line((2, 6)), line((2, 4)), 2 * 8 / (16 + 8), 1, 0, 0),
    # a gap of two voxels closes under dilation by one on each side: one lesion of 24 voxels
    "near parts are one lesion": (line((2, 5), (7, 10)), line((2, 5)), 24 / 36, 1, 0, 0),
    "far parts are two": (line((2, 5), (8, 11)), line((2, 5)), 1 / 2, 1, 0, 1),
    # touches the dilation only: a hit with Dice 0
    "beside it counts as found": (line((2, 5)), line((5, 8)), 0, 1, 0, 0),
    "one part serves two": (line((2, 5), (8, 11)), line((2, 11)), 24 / 48, 2, 0, 0),
    "far is false": (line((2, 5)), line((2, 5), (9, 12)), 1 / 2, 1, 1, 0),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_2023_by_hand(name):
    truth, predicted, dice, hits, false, missed = BY_HAND[name]
    ours = scores_of(truth, predicted, "brats2023")
    assert ours.dice == pytest.approx(dice)
    assert (ours.true_positives, ours.false_positives, ours.missed) == (hits, false, missed)


def test_2023_penalises_misses_and_false_positives_in_hd95():
    ours = scores_of(line((2, 5), (12, 15)), line((2, 5), (20, 24)), "brats2023")
    assert ours.hd95_mm == pytest.approx((0 + 374 + 374) / 3)
    assert scores_of(NOTHING, NOTHING, "brats2023").hd95_mm == 0
    assert scores_of(NOTHING, line((2, 5)), "brats2023").hd95_mm == 374


def test_2023_drops_what_is_2_mm3_or_less_and_what_touches_only_that():
    speck = np.zeros(SHAPE, bool)
    speck[6, 6, 20:22] = True
    big = line((2, 6))
    ours = scores_of(big | speck, big | speck, "brats2023")
    assert (ours.dice, ours.true_positives, ours.false_positives) == (1, 1, 0)
    finer = scores_of(big | speck, big, "brats2023", (1.0, 1.0, 1.1))  # now 2.2 mm³
    assert (finer.dice, finer.missed) == (0.5, 1)


def test_2025_matches_one_to_one_and_sends_every_false_positive_to_both_sizes():
    truth = line((1, 9), (14, 16))  # 32 and 8 mm³
    ours = scores_of(truth, line((1, 9), (14, 15), (20, 22)), "brats2025")
    assert ours.dice == pytest.approx((1 + 0) / 2)  # the large one and the false positive
    assert (ours.small_true_positives, ours.small_missed) == (1, 0)
    assert ours.small_f1 == pytest.approx(2 / (2 + 1))
    bridge = scores_of(line((1, 9), (12, 20)), line((1, 20)), "brats2025")
    assert (bridge.true_positives, bridge.missed) == (1, 1)


def test_2025_has_no_score_without_a_large_lesion():
    for predicted in (NOTHING, line((2, 12))):
        ours = scores_of(NOTHING, predicted, "brats2025")
        assert np.isnan([ours.dice, ours.nsd, ours.hd95_mm, ours.small_f1]).all()
    assert scores_of(NOTHING, line((2, 12)), "brats2025").f1 == 0


def dilated(voxels, steps):
    """A set of voxels with all that lie one step away, of those that `steps` allows."""
    return {tuple(np.add(v, d)) for v in voxels for d in steps} | voxels


EVERY = [step for step in product((-1, 0, 1), repeat=3) if any(step)]
EDGES = [step for step in EVERY if 0 in step]


def components_of(mask):
    """26-connected components as sets of voxels, flooded one voxel at a time."""
    voxels, components = set(map(tuple, np.argwhere(mask))), []
    while voxels:
        component, queue = set(), deque([voxels.pop()])
        while queue:
            voxel = queue.popleft()
            component.add(voxel)
            for step in EVERY:
                neighbour = tuple(np.add(voxel, step))
                if neighbour in voxels:
                    voxels.remove(neighbour)
                    queue.append(neighbour)
        components.append(component)
    return components


def reference_2023(truth, predicted):
    """The 2023 rule on sets of voxels of 1 mm: (Dice, hits, false positives, missed)."""
    lesion_voxels = set(map(tuple, np.argwhere(truth)))
    reach = {voxel for voxel in dilated(lesion_voxels, EDGES) if not np.any(np.array(voxel) < 0)}
    reach = {voxel for voxel in reach if all(a < b for a, b in zip(voxel, SHAPE, strict=True))}
    dilated_mask = np.zeros(SHAPE, bool)
    dilated_mask[tuple(np.array(sorted(reach), int).reshape(-1, 3).T)] = True
    components, matched, dice, hits = components_of(predicted), set(), [], 0
    for area in components_of(dilated_mask):
        lesion = area & lesion_voxels
        contacts = [k for k, component in enumerate(components) if component & area]
        matched |= set(contacts)
        if len(lesion) <= 2:
            continue
        union = set().union(*(components[k] for k in contacts))
        dice.append(2 * len(union & lesion) / (len(union) + len(lesion)))
        hits += bool(contacts)
    false = len(components) - len(matched)
    score = sum(dice) / (len(dice) + false) if dice or false else 1.0
    return pytest.approx(score), hits, false, len(dice) - hits


@pytest.mark.parametrize("seed", range(12))
def test_2023_agrees_with_a_plain_reference(seed):
    random = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(random.random(SHAPE), 0.8 + seed % 3 / 4)
    guess = field + ndimage.gaussian_filter(random.random(SHAPE), 1) * random.uniform(0.2, 1.5)
    truth = field > np.quantile(field, 1 - random.uniform(0.01, 0.08))
    predicted = guess > np.quantile(guess, 1 - random.uniform(0.01, 0.1))
    ours = scores_of(truth, predicted, "brats2023")
    counts = (ours.true_positives, ours.false_positives, ours.missed)
    assert (ours.dice, *counts) == reference_2023(truth, predicted)
    assert len(set(counts)) > 1


@pytest.mark.parametrize("rule", RULES)
def test_a_lesion_keeps_its_own_volume_and_surface(rule):
    truth = line((2, 9))
    ours = lesions(truth, np.roll(truth, 1, axis=2), (1.0, 1.0, 2.0), rule)
    assert ours.volume_mm3.tolist() == [56]
    assert ours.dice.tolist() == [pytest.approx(6 / 7)]
    assert ours.hd95_mm.tolist() == [2.0]
    assert ours.detected.tolist() == [True]


@pytest.mark.parametrize("rule", RULES)
def test_masks_of_two_shapes_are_refused(rule):
    with pytest.raises(ValueError, match="differ in shape"):
        lesions(NOTHING, NOTHING[1:], UNIT, rule)


@pytest.mark.parametrize("rule", RULES)
def test_each_lesion_is_told_with_the_slice_where_it_is_largest(rule):
    truth = np.zeros(SHAPE, bool)
    truth[2, 3, 3] = truth[3, 3:6, 3] = truth[4, 3:6, 3] = True  # 1, 3 and 3 voxels
    truth[6, 7, 20:22] = True
    ours = lesions(truth, truth, UNIT, rule)
    assert (ours.index.tolist(), ours.volume_mm3.tolist()) == ([3, 6], [7.0, 2.0])
    assert lesions(truth & False, truth & False, UNIT, rule).index.tolist() == []


@pytest.mark.parametrize("degrees", range(5, 90, 5))
def test_the_noise_of_an_oblique_header_moves_no_lesion_over_a_limit(degrees):
    angle = np.float32(np.deg2rad(degrees))
    axes = np.array([np.cos(angle), np.sin(angle)], np.float32)  # as in the header of a file
    spacing = (float(np.linalg.norm(axes.astype(float))), 1.0, 1.0)
    truth = np.zeros((9, 9, 9), bool)
    truth[1, 1, 1:3] = truth[4:8, 4, 4:9] = True  # 2 mm³ and 20 mm³
    empty = np.zeros_like(truth)
    (small,) = [v for v in lesions(truth, empty, spacing, "brats2023").volume_mm3 if v < 5]
    assert not RULES["brats2023"].keeps(np.array([small]))[0]
    assert scores(lesions(truth, empty, spacing, "brats2025"), "brats2025").missed == 1
