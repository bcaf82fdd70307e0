"""Which predicted components belong to which lesion, by two published rules.

Both label components of 26 neighbours; masks are (S, H, W).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from zsad_core.metrics.dice import dice
from zsad_core.metrics.scoring import TOUCHING
from zsad_core.types import MaskArray

REACH = ndimage.generate_binary_structure(3, 2)  # 18 neighbours
LEAST_DICE = 1e-6


@dataclass(frozen=True)
class Match:
    """Numbered lesions and components (S, H, W), the components of each lesion, and who is left.

    `parts` holds the numbers of the components of lesion 1, 2 …; `false_positives` counts the
    components that belong to none.
    """

    lesion: NDArray[np.int32]
    component: NDArray[np.int32]
    parts: tuple[NDArray[np.int64], ...]
    false_positives: int


def touching(truth: MaskArray, predicted: MaskArray) -> Match:
    """Every component that touches the dilated lesion, as in 2023."""
    reached, count = ndimage.label(ndimage.binary_dilation(truth, REACH), TOUCHING)
    component, components = ndimage.label(predicted, TOUCHING)
    both = (reached > 0) & predicted
    pairs = np.unique(reached[both] * np.int64(components + 1) + component[both])
    owner, part = np.divmod(pairs, components + 1)
    matched = tuple(part[owner == number] for number in range(1, count + 1))
    false = components - np.unique(part).size
    return Match(reached * truth, component, matched, false)


def one_to_one(truth: MaskArray, predicted: MaskArray) -> Match:
    """At most one component a lesion and one lesion a component, for the highest sum of Dice."""
    lesion, count = ndimage.label(truth, TOUCHING)
    component, components = ndimage.label(predicted, TOUCHING)
    shape = (count + 1, components + 1)
    pair = np.ravel_multi_index((lesion[truth | predicted], component[truth | predicted]), shape)
    shared = np.bincount(pair, minlength=shape[0] * shape[1]).reshape(shape)
    sizes, areas = shared.sum(axis=1)[1:, None], shared.sum(axis=0)[None, 1:]
    overlap = dice(sizes, areas, shared[1:, 1:])  # (lesions, components)
    matched = [np.zeros(0, np.int64) for _ in range(count)]
    # A pair that does not overlap costs more than one that does, as in panoptica.
    cost = np.where(overlap > LEAST_DICE, 1 - overlap, 1 + LEAST_DICE)
    for row, column in zip(*linear_sum_assignment(cost), strict=True):
        if overlap[row, column] > LEAST_DICE:
            matched[row] = np.array([column + 1])
    false = components - sum(len(parts) for parts in matched)
    return Match(lesion, component, tuple(matched), false)
