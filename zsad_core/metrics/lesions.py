"""Lesion-wise metrics by the rules of two BraTS-MET challenges, chosen by name.

"brats2023" (BraTS-2023-Metrics @0c603fc, `brats_metrics.py`, BraTS-MET): truth parts whose
dilations (1 iteration, 18 neighbours) join are one lesion; every predicted component that touches a
dilated lesion counts to it, to several if it touches several; lesions of 2 mm³ or less are dropped
after that, so a component that touches only them is neither hit nor false positive.
"brats2025" (brats-evaluation 0.0.10, `config_mets.yaml` and `parse_mets_results`, on panoptica
2.1.7): components are matched one to one for the highest sum of Dice; scores are of lesions of 20
mm³ or more, and every false positive counts to them and to the small ones, whatever its size.

Both: components of 26 neighbours; score = sum over kept lesions / (kept lesions + false positives),
where a missed lesion and a false positive have Dice and NSD 0 and the rule's penalty as HD95.

Differences from the official code: 2023 takes volumes in mm³ from the spacing (there: 1 mm is
assumed) and gets an NSD at 1 mm and the small-lesion counts of 2025/26, which it does not have.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zsad_core.metrics import lesion_matching
from zsad_core.metrics.boxes import box_of
from zsad_core.metrics.dice import dice_3d
from zsad_core.metrics.lesion_matching import Matching
from zsad_core.metrics.surfaces import Definition, Spacing, hd95_mm, nsd, surfaces
from zsad_core.types import FloatArray, MaskArray

SMALL_MM3, SMALL_DICE = 20.0, 0.1
DECIMALS = 4  # of mm³: an oblique header's float32 tells no more of a lesion that small
NAN = float("nan")
Box = tuple[slice, ...]


@dataclass(frozen=True)
class Lesions:
    """The lesions of the truth under one rule, arrays (lesions,), and the false positives.

    `index` is the slice where a lesion is largest, the lowest among equals. A lesion is `detected`
    if a component matches it; otherwise `dice` and `nsd` are 0 and `hd95_mm` is infinite.
    """

    volume_mm3: FloatArray
    detected: MaskArray
    dice: FloatArray
    nsd: FloatArray
    hd95_mm: FloatArray
    index: NDArray[np.int64]
    false_positives: int


@dataclass(frozen=True)
class LesionRule:
    """How lesions are matched, which ones count, and what a miss costs.

    Without counted lesions the scores are perfect, or the costs of a miss where there are false
    positives; NaN in both cases where it is `undefined_if_empty`.
    """

    match: Callable[[MaskArray, MaskArray], Matching]
    dropped_mm3: float
    keeps: Callable[[FloatArray], MaskArray]
    surface: Definition
    tolerance_mm: Callable[[Spacing], float]
    penalty_mm: float
    undefined_if_empty: bool


@dataclass(frozen=True)
class LesionScores:
    """The lesion-wise scores of one subject under a rule.

    `true_positives` and `missed` are detected and undetected lesions among those that count. The
    `small_` fields are of lesions under 20 mm³, detected at a Dice of 0.1 or more; without such
    lesions the F1 is NaN.
    """

    dice: float
    nsd: float
    hd95_mm: float
    true_positives: int
    false_positives: int
    missed: int
    f1: float
    small_true_positives: int
    small_missed: int
    small_f1: float


def lesions(truth: MaskArray, predicted: MaskArray, spacing_mm: Spacing, rule: str) -> Lesions:
    """The lesions of two masks (S, H, W) of one shape, under a rule of `RULES`."""
    if truth.shape != predicted.shape:
        raise ValueError(f"truth {truth.shape} and predicted {predicted.shape} differ in shape")
    criteria = RULES[rule]
    whole = box_of(truth | predicted)
    box = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in whole)
    matching = criteria.match(truth[box], predicted[box])
    rows = list(_compared(matching, spacing_mm, criteria))
    volume_mm3, dice, near, distance_mm = np.array(rows, dtype=float).reshape(len(rows), 4).T
    volume_mm3 = volume_mm3.round(DECIMALS)
    detected = np.array([len(components) > 0 for components in matching.matches], dtype=bool)
    index, false = _largest_slices(matching) + box[0].start, matching.false_positives
    return Lesions(volume_mm3, detected, dice, near, distance_mm, index, false)


def scores(lesions: Lesions, rule: str) -> LesionScores:
    """The scores of a subject's lesions, under a rule of `RULES`.

    >>> single = Lesions(*(np.array([x]) for x in (30.0, True, 0.8, 1.0, 2.0, 5)), 1)
    >>> scores(single, "brats2025").dice, scores(single, "brats2025").hd95_mm
    (0.4, 187.5)
    """
    criteria = RULES[rule]
    retained = criteria.keeps(lesions.volume_mm3)
    distance = np.where(np.isinf(lesions.hd95_mm), criteria.penalty_mm, lesions.hd95_mm)
    true, false = int((retained & lesions.detected).sum()), lesions.false_positives
    missed = int(retained.sum()) - true
    small = (lesions.volume_mm3 > criteria.dropped_mm3) & (lesions.volume_mm3 < SMALL_MM3)
    small_true = int((small & (lesions.dice >= SMALL_DICE)).sum())
    small_missed = int(small.sum()) - small_true
    return LesionScores(
        dice=_mean(lesions.dice[retained], false, 1.0, 0.0, criteria),
        nsd=_mean(lesions.nsd[retained], false, 1.0, 0.0, criteria),
        hd95_mm=_mean(distance[retained], false, 0.0, criteria.penalty_mm, criteria),
        true_positives=true,
        false_positives=false,
        missed=missed,
        f1=_f1(true, false, missed) if true + false + missed else NAN,
        small_true_positives=small_true,
        small_missed=small_missed,
        small_f1=_f1(small_true, false, small_missed) if small.any() else NAN,
    )


def _mean(values: FloatArray, false: int, perfect: float, miss: float, rule: LesionRule) -> float:
    if not values.size and (rule.undefined_if_empty or not false):
        return NAN if rule.undefined_if_empty else perfect
    return float((values.sum() + false * miss) / (values.size + false))


def _f1(true: int, false: int, missed: int) -> float:
    return 2 * true / (2 * true + false + missed)


def _compared(
    matching: Matching, spacing_mm: Spacing, rule: LesionRule
) -> Iterator[tuple[float, float, float, float]]:
    """Volume in mm³, Dice, NSD and HD95 in mm of each lesion against its components."""
    lesion_boxes = ndimage.find_objects(matching.lesion)
    component_boxes = ndimage.find_objects(matching.component)
    for number, components in enumerate(matching.matches, 1):
        box = _union([lesion_boxes[number - 1], *(component_boxes[n - 1] for n in components)])
        truth = matching.lesion[box] == number
        volume = float(truth.sum() * np.prod(spacing_mm))
        if not len(components):
            yield volume, 0.0, 0.0, float("inf")
            continue
        predicted = np.isin(matching.component[box], components)
        counts = [int(mask.sum()) for mask in (truth, predicted, truth & predicted)]
        distances = surfaces(truth, predicted, spacing_mm, rule.surface)
        tolerance_mm = rule.tolerance_mm(spacing_mm)
        yield volume, dice_3d(*counts), nsd(distances, tolerance_mm), hd95_mm(distances)


def _largest_slices(matching: Matching) -> NDArray[np.int64]:
    """The slice of the box with most voxels of each lesion, (lesions,)."""
    count = len(matching.matches) + 1
    slices = matching.lesion.reshape(len(matching.lesion), -1)
    areas = np.array([np.bincount(labels, minlength=count) for labels in slices])  # (S, count)
    return areas[:, 1:].argmax(axis=0)


def _union(boxes: list[Box]) -> Box:
    """The smallest box that contains them all."""
    return tuple(
        slice(min(side.start for side in axis), max(side.stop for side in axis))
        for axis in zip(*boxes, strict=True)
    )


RULES = {
    "brats2023": LesionRule(
        match=lesion_matching.by_contact,
        dropped_mm3=2.0,
        keeps=lambda volume_mm3: volume_mm3 > 2,
        surface="elements",
        tolerance_mm=lambda _: 1.0,
        penalty_mm=374.0,
        undefined_if_empty=False,
    ),
    "brats2025": LesionRule(
        match=lesion_matching.one_to_one,
        dropped_mm3=0.0,
        keeps=lambda volume_mm3: volume_mm3 >= SMALL_MM3,
        surface="voxels",
        tolerance_mm=min,
        penalty_mm=373.0,
        undefined_if_empty=True,
    ),
}
