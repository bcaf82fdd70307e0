"""Metrics that rank: AUROC, average precision, best Dice, PRO; exact, on a map's own values.

Everything follows from how many lesion and healthy elements reach each distinct score that a
lesion element has: between two of these only healthy elements drop out as a threshold rises.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zsad_core.metrics.dice import dice
from zsad_core.types import FloatArray, MaskArray

LIMIT = 0.3  # false-positive rate up to which PRO is integrated (MVTec AD, Bergmann et al. 2021)
IN_SLICE = np.zeros((3, 3, 3), dtype=bool)
IN_SLICE[1] = True  # 8 neighbours
NAN = float("nan")
Weights = NDArray[np.floating | np.integer]


@dataclass(frozen=True)
class Ranking:
    """Elements that reach each distinct score of a lesion element, scores (N,) from the highest.

    `lesion` and `healthy` (N,) reach the score, `above` (N,) are healthy and above it; counts or
    sums of weights. `all_healthy` is the number of healthy elements.
    """

    scores: FloatArray
    lesion: NDArray[np.float64]
    healthy: NDArray[np.float64]
    above: NDArray[np.float64]
    all_healthy: float

    @property
    def all_lesion(self) -> float:
        """The number of lesion elements."""
        return float(self.lesion[-1]) if len(self.lesion) else 0.0


def rank(healthy: FloatArray, lesion: FloatArray) -> Ranking:
    """The ranking of healthy (H,) and lesion (L,) elements by their scores.

    >>> rank(np.array([0.1, 0.7]), np.array([0.7, 0.9])).healthy.tolist()
    [0.0, 1.0]
    """
    ordered = np.sort(healthy)
    scores, counts = np.unique(lesion, return_counts=True)
    reach = len(ordered) - np.searchsorted(ordered, scores, side="left")
    above = len(ordered) - np.searchsorted(ordered, scores, side="right")
    return _ranking(scores, counts, reach, above, len(ordered))


def rank_weighted(scores: FloatArray, healthy: Weights, lesion: Weights) -> Ranking:
    """The ranking where each score (P,) stands for so many healthy and lesion elements, (P,) each.

    >>> rank_weighted(np.array([0.1, 0.7]), np.array([3, 1]), np.array([0, 2])).healthy.tolist()
    [1.0]
    """
    distinct, index = np.unique(scores, return_inverse=True)
    counts = np.bincount(index, lesion, len(distinct))
    ties = np.bincount(index, healthy, len(distinct))
    reach = np.cumsum(ties[::-1])[::-1]
    total, index = float(reach[0]) if len(reach) else 0.0, np.flatnonzero(counts)
    return _ranking(distinct[index], counts[index], reach[index], (reach - ties)[index], total)


def in_brain(values: FloatArray, brain: MaskArray, truth: MaskArray) -> Ranking:
    """The ranking of the voxels inside the brain; all arrays have one shape.

    >>> values = np.array([[[0.1, 0.9, 0.5]]])
    >>> truth = np.array([[[False, True, True]]])
    >>> auroc(in_brain(values, np.ones_like(truth), truth))
    1.0
    """
    if not values.shape == brain.shape == truth.shape:
        raise ValueError(f"shapes differ: {values.shape}, {brain.shape}, {truth.shape}")
    return rank(values[brain & ~truth], values[brain & truth])


def of_slices(scores: FloatArray, lesion: MaskArray) -> Ranking:
    """The ranking of slices (S,) by their scores; those of NaN score, without brain, are left out.

    >>> auroc(of_slices(np.array([0.1, 0.7, np.nan]), np.array([0, 1, 1], bool)))
    1.0
    """
    valid = ~np.isnan(scores)
    return rank(scores[valid & ~lesion], scores[valid & lesion])


def auroc(ranking: Ranking) -> float:
    """Share of (lesion, healthy) pairs in which the lesion scores higher, 0 to 1; ties count half.

    NaN where there is no lesion or no healthy element. Equals scikit-learn's `roc_auc_score`.
    """
    pairs = ranking.all_lesion * ranking.all_healthy
    if pairs == 0:
        return NAN
    below = ranking.all_healthy - (ranking.healthy + ranking.above) / 2
    return float((_lesion_at_score(ranking) * below).sum() / pairs)


def average_precision(ranking: Ranking) -> float:
    """Sum of precision times recall gained, 0 to 1, its floor near the lesion's share; NaN without.

    Equals scikit-learn's `average_precision_score`.
    """
    if ranking.all_lesion == 0:
        return NAN
    precision = ranking.lesion / (ranking.lesion + ranking.healthy)
    return float((precision * _lesion_at_score(ranking)).sum() / ranking.all_lesion)


def best_dice(ranking: Ranking, truth: float | None = None) -> float:
    """The highest Dice over all thresholds: an oracle, it saw the truth. NaN without lesion.

    `truth` counts lesion elements where some lie outside what was ranked, beyond any threshold.
    """
    values = _dice_values(ranking, truth)
    return float(values.max()) if len(values) else NAN


def best_threshold(ranking: Ranking, truth: float | None = None) -> float:
    """The threshold of the highest Dice, the lowest among equals; NaN without lesion."""
    values = _dice_values(ranking, truth)
    if not len(values):
        return NAN
    return float(ranking.scores[len(values) - 1 - int(np.argmax(values[::-1]))])


def pro(values: FloatArray, brain: MaskArray, truth: MaskArray, limit: float = LIMIT) -> float:
    """Per-region overlap against the false-positive rate, its mean height up to `limit`; 0 to 1.

    All arrays are (S, H, W). A region is a component of 8 neighbours in one slice, and each weighs
    the same; only brain counts. NaN without lesion or without healthy brain. Bergmann et al. 2021,
    area by trapezoids from (0, 0); APRIL-GAN's and AnomalyCLIP's scripts take 200 thresholds and
    rescale the false-positive rates they reach instead, which is not done here.

    >>> values = np.array([[[0.9, 0.9, 0.1, 0.1]]])
    >>> truth = np.array([[[True, False, True, False]]])
    >>> pro(values, np.ones_like(truth), truth, limit=1)
    0.5
    """
    ranking, lesion = in_brain(values, brain, truth), truth & brain
    if ranking.all_lesion == 0 or ranking.all_healthy == 0:
        return NAN
    region = ndimage.label(lesion, IN_SLICE)[0][lesion]  # (lesion voxels,)
    share = 1 / np.bincount(region)[region] / region.max()
    index = np.searchsorted(ranking.scores[::-1], values[lesion])
    height = np.cumsum(np.bincount(index, share, len(ranking.scores))[::-1])
    # The curve is flat between two scores of lesion voxels, and a straight line where they tie.
    rates = np.stack([ranking.above, ranking.healthy], axis=1).ravel() / ranking.all_healthy
    heights = np.stack([np.append(0, height[:-1]), height], axis=1).ravel()
    rates, heights = np.append(rates, 1.0), np.append(heights, heights[-1])
    rates, heights = np.append(0.0, rates), np.append(0.0, heights)
    last = int(np.searchsorted(rates, limit))
    end = np.interp(limit, rates[: last + 1], heights[: last + 1])
    rates, heights = np.append(rates[:last], limit), np.append(heights[:last], end)
    return float(np.trapezoid(heights, rates) / limit)


def _ranking(
    scores: FloatArray, counts: Weights, reach: Weights, above: Weights, total: float
) -> Ranking:
    """From scores (N,) in ascending order to a ranking from the highest."""
    lesion, healthy, over = (array[::-1].astype(np.float64) for array in (counts, reach, above))
    return Ranking(scores[::-1], np.cumsum(lesion), healthy, over, float(total))


def _lesion_at_score(ranking: Ranking) -> NDArray[np.float64]:
    """Lesion elements at each score alone."""
    return np.diff(ranking.lesion, prepend=0.0)


def _dice_values(ranking: Ranking, truth: float | None) -> FloatArray:
    total = ranking.all_lesion if truth is None else truth
    return dice(total, ranking.lesion + ranking.healthy, ranking.lesion)
