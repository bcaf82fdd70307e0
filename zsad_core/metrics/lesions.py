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
from zsad_core.metrics.dice import dice_3d
from zsad_core.metrics.lesion_matching import Match
from zsad_core.metrics.scoring import box_of
from zsad_core.metrics.surfaces import Definition, Spacing, hd95_mm, nsd, surfaces
from zsad_core.types import FloatArray, MaskArray

SMALL_MM3, SMALL_DICE = 20.0, 0.1
Box = tuple[slice, ...]


@dataclass(frozen=True)
class Lesions:
    """Each lesion of the truth under one rule, arrays (lesions,), and the false positives.

    `index` is the slice where the lesion is largest, the lowest of equals. `dice` and `nsd` are 0
    and `hd95_mm` is infinite where no component was found.
    """

    volume_mm3: FloatArray
    found: MaskArray
    dice: FloatArray
    nsd: FloatArray
    hd95_mm: FloatArray
    index: NDArray[np.int64]
    false_positives: int


@dataclass(frozen=True)
class Empty:
    """What a score is where there is no kept lesion: without false positive, and with one."""

    without: float
    with_false: float


@dataclass(frozen=True)
class Rule:
    """How lesions are matched, which are kept, what a miss costs, and every empty case."""

    match: Callable[[MaskArray, MaskArray], Match]
    dropped_mm3: float
    keeps: Callable[[FloatArray], MaskArray]
    surface: Definition
    tolerance_mm: Callable[[Spacing], float]
    penalty_mm: float
    empty: dict[str, Empty]


@dataclass(frozen=True)
class LesionScores:
    """What a rule makes of the lesions of one subject.

    `true_positives` and `missed` count kept lesions by whether a component was found. The `small_`
    fields are of lesions under 20 mm³, found where Dice is 0.1 or more; NaN F1 where there is none.
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
    chosen = RULES[rule]
    either = truth | predicted
    if not either.any():
        none = np.zeros(0)
        return Lesions(none, none.astype(bool), none, none, none, none.astype(np.int64), 0)
    place = tuple(slice(max(one.start - 1, 0), one.stop + 1) for one in box_of(either))
    match = chosen.match(truth[place], predicted[place])
    rows = list(_compared(match, spacing_mm, chosen))
    volume_mm3, dice, near, distance_mm = np.array(rows, dtype=float).reshape(len(rows), 4).T
    found = np.array([len(parts) > 0 for parts in match.parts], dtype=bool)
    index = _largest_slices(match) + place[0].start
    return Lesions(volume_mm3, found, dice, near, distance_mm, index, match.false_positives)


def scores(found: Lesions, rule: str) -> LesionScores:
    """The scores of a subject's lesions, under a rule of `RULES`.

    >>> one = Lesions(*(np.array([x]) for x in (30.0, True, 0.8, 1.0, 2.0, 5)), false_positives=1)
    >>> scores(one, "brats2025").dice, scores(one, "brats2025").hd95_mm
    (0.4, 187.5)
    """
    chosen = RULES[rule]
    kept = chosen.keeps(found.volume_mm3)
    distance = np.where(np.isinf(found.hd95_mm), chosen.penalty_mm, found.hd95_mm)
    true, false = int((kept & found.found).sum()), found.false_positives
    missed = int(kept.sum()) - true
    small = (found.volume_mm3 > chosen.dropped_mm3) & (found.volume_mm3 < SMALL_MM3)
    small_true = int((small & (found.dice >= SMALL_DICE)).sum())
    small_missed = int(small.sum()) - small_true
    nan = float("nan")
    return LesionScores(
        dice=_mean("dice", found.dice[kept], false, 0.0, chosen),
        nsd=_mean("nsd", found.nsd[kept], false, 0.0, chosen),
        hd95_mm=_mean("hd95_mm", distance[kept], false, chosen.penalty_mm, chosen),
        true_positives=true,
        false_positives=false,
        missed=missed,
        f1=_f1(true, false, missed) if true + false + missed else nan,
        small_true_positives=small_true,
        small_missed=small_missed,
        small_f1=_f1(small_true, false, small_missed) if small.any() else nan,
    )


def _mean(name: str, kept: FloatArray, false: int, penalty: float, rule: Rule) -> float:
    if not kept.size:
        return rule.empty[name].with_false if false else rule.empty[name].without
    return float((kept.sum() + false * penalty) / (kept.size + false))


def _f1(true: int, false: int, missed: int) -> float:
    return 2 * true / (2 * true + false + missed)


def _compared(
    match: Match, spacing_mm: Spacing, rule: Rule
) -> Iterator[tuple[float, float, float, float]]:
    """Volume in mm³, Dice, NSD and HD95 in mm of each lesion against its components."""
    lesion_boxes, boxes = ndimage.find_objects(match.lesion), ndimage.find_objects(match.component)
    for number, parts in enumerate(match.parts, 1):
        place = _around([lesion_boxes[number - 1], *(boxes[part - 1] for part in parts)])
        truth = match.lesion[place] == number
        volume = float(truth.sum() * np.prod(spacing_mm))
        if not len(parts):
            yield volume, 0.0, 0.0, float("inf")
            continue
        predicted = np.isin(match.component[place], parts)
        counts = [int(one.sum()) for one in (truth, predicted, truth & predicted)]
        found = surfaces(truth, predicted, spacing_mm, rule.surface)
        yield volume, dice_3d(*counts), nsd(found, rule.tolerance_mm(spacing_mm)), hd95_mm(found)


def _largest_slices(match: Match) -> NDArray[np.int64]:
    """The slice of the box with most voxels of each lesion, (lesions,)."""
    count = len(match.parts) + 1
    numbers = match.lesion.reshape(len(match.lesion), -1)
    areas = np.array([np.bincount(one, minlength=count) for one in numbers])  # (S, lesions + 1)
    return areas[:, 1:].argmax(axis=0)


def _around(boxes: list[Box]) -> Box:
    """The smallest box that holds all of them."""
    return tuple(
        slice(min(one.start for one in axis), max(one.stop for one in axis))
        for axis in zip(*boxes, strict=True)
    )


NAN = float("nan")
RULES = {
    "brats2023": Rule(
        match=lesion_matching.touching,
        dropped_mm3=2.0,
        keeps=lambda volume_mm3: volume_mm3 > 2,
        surface="elements",
        tolerance_mm=lambda _: 1.0,
        penalty_mm=374.0,
        empty={"dice": Empty(1.0, 0.0), "nsd": Empty(1.0, 0.0), "hd95_mm": Empty(0.0, 374.0)},
    ),
    "brats2025": Rule(
        match=lesion_matching.one_to_one,
        dropped_mm3=0.0,
        keeps=lambda volume_mm3: volume_mm3 >= SMALL_MM3,
        surface="voxels",
        tolerance_mm=min,
        penalty_mm=373.0,
        empty={"dice": Empty(NAN, NAN), "nsd": Empty(NAN, NAN), "hd95_mm": Empty(NAN, NAN)},
    ),
}
