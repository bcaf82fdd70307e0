"""Metrics without a threshold beside AUROC and AP of voxels: PRO over regions, ranks of slices."""

import numpy as np
from scipy import ndimage

from zsad_core.metrics import LEVELS, Histogram
from zsad_core.types import ByteArray, FloatArray, MaskArray

LIMIT = 0.3  # false-positive rate up to which PRO is integrated (MVTec AD, Bergmann et al. 2021)
IN_SLICE = np.zeros((3, 3, 3), dtype=bool)
IN_SLICE[1] = True  # 8 neighbours


def pro(levels: ByteArray, brain: MaskArray, truth: MaskArray, limit: float = LIMIT) -> float:
    """Per-region overlap against the false-positive rate, its mean height up to `limit`; 0 to 1.

    All arrays are (S, H, W). A region is a component of 8 neighbours in one slice, and each weighs
    the same; only brain counts. NaN without lesion or without healthy brain. Bergmann et al. 2021,
    area by trapezoids from (0, 0); APRIL-GAN's and AnomalyCLIP's scripts take 200 thresholds and
    rescale the false-positive rates they reach instead, which is not done here.

    >>> levels = np.array([[[9, 9, 1, 1]]], dtype=np.uint8)
    >>> truth = np.array([[[True, False, True, False]]])
    >>> pro(levels, np.ones_like(truth), truth, limit=1)
    0.5
    """
    if not levels.shape == brain.shape == truth.shape:
        raise ValueError(f"shapes differ: {levels.shape}, {brain.shape}, {truth.shape}")
    lesion, healthy = truth & brain, brain & ~truth
    if not lesion.any() or not healthy.any():
        return float("nan")
    region = ndimage.label(lesion, IN_SLICE)[0][lesion]  # (lesion voxels,)
    share = 1 / np.bincount(region)[region] / region.max()
    overlap = np.bincount(levels[lesion], share, minlength=LEVELS)
    false = np.bincount(levels[healthy], minlength=LEVELS)
    # From the highest level down; whole numbers are added, so that the rate ends at 1.
    rate = np.concatenate([[0], np.cumsum(false[::-1])]) / np.count_nonzero(healthy)
    height = np.concatenate([[0.0], np.cumsum(overlap[::-1])])
    last = int(np.searchsorted(rate, limit))
    end = np.interp(limit, rate[: last + 1], height[: last + 1])
    rates, heights = np.append(rate[:last], limit), np.append(height[:last], end)
    return float(np.trapezoid(heights, rates) / limit)


def slice_ranks(scores: FloatArray, lesion: MaskArray) -> Histogram:
    """Slices at each distinct score, (2, scores), healthy then lesion: AUROC and AP read it.

    Slices (S,) of NaN score, those without brain, are left out.

    >>> slice_ranks(np.array([0.1, 0.7, 0.7, np.nan]), np.array([0, 1, 0, 1], bool)).tolist()
    [[1, 1], [0, 1]]
    """
    counted = ~np.isnan(scores)
    distinct, place = np.unique(scores[counted], return_inverse=True)
    kinds = (place[lesion[counted] == kind] for kind in (False, True))
    return np.stack([np.bincount(kind, minlength=distinct.size) for kind in kinds])


def share(part: float, whole: float) -> float:
    """Part of the whole: precision is both of predicted, recall both of truth; NaN of nothing.

    >>> share(1, 4), share(0, 0)
    (0.25, nan)
    """
    return part / whole if whole else float("nan")
