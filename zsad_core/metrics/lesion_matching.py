"""Which predicted components belong to which lesion, by two published rules.

Both label components of 26 neighbours; masks are (S, H, W).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from zsad_core.metrics.dice import dice
from zsad_core.metrics.scoring import NEIGHBOURS_26
from zsad_core.types import MaskArray

NEIGHBOURS_18 = ndimage.generate_binary_structure(3, 2)
LEAST_DICE = 1e-6


@dataclass(frozen=True)
class Matching:
    """Label images of lesions and predicted components (S, H, W), and which belong together.

    `matches` holds the component numbers of lesion 1, 2 …; `false_positives` counts the components
    that match no lesion.
    """

    lesion: NDArray[np.int32]
    component: NDArray[np.int32]
    matches: tuple[NDArray[np.int64], ...]
    false_positives: int


def by_contact(truth: MaskArray, predicted: MaskArray) -> Matching:
    """Each lesion with every component that touches it after dilation, as in 2023."""
    dilated, count = ndimage.label(ndimage.binary_dilation(truth, NEIGHBOURS_18), NEIGHBOURS_26)
    component, components = ndimage.label(predicted, NEIGHBOURS_26)
    both = (dilated > 0) & predicted
    pairs = np.unique(dilated[both] * np.int64(components + 1) + component[both])
    lesion_number, component_number = np.divmod(pairs, components + 1)
    matches = tuple(component_number[lesion_number == n] for n in range(1, count + 1))
    false = components - np.unique(component_number).size
    return Matching(dilated * truth, component, matches, false)


def one_to_one(truth: MaskArray, predicted: MaskArray) -> Matching:
    """At most one component a lesion and one lesion a component, for the highest sum of Dice."""
    lesion, count = ndimage.label(truth, NEIGHBOURS_26)
    component, components = ndimage.label(predicted, NEIGHBOURS_26)
    shape = (count + 1, components + 1)
    pair = np.ravel_multi_index((lesion[truth | predicted], component[truth | predicted]), shape)
    shared = np.bincount(pair, minlength=shape[0] * shape[1]).reshape(shape)
    sizes, areas = shared.sum(axis=1)[1:, None], shared.sum(axis=0)[None, 1:]
    dice_of_pairs = dice(sizes, areas, shared[1:, 1:])  # (lesions, components)
    matches = [np.zeros(0, np.int64) for _ in range(count)]
    # A pair that does not overlap costs more than one that does, as in panoptica.
    cost = np.where(dice_of_pairs > LEAST_DICE, 1 - dice_of_pairs, 1 + LEAST_DICE)
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if dice_of_pairs[row, column] > LEAST_DICE:
            matches[row] = np.array([column + 1])
    false = components - sum(map(len, matches))
    return Matching(lesion, component, tuple(matches), false)
