"""The threshold of a stable number of components."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zsad_core.metrics.boxes import box_of
from zsad_core.metrics.scoring import NEIGHBOURS_26
from zsad_core.types import FloatArray, MaskArray

STEPS = 64  # MEBin takes every fourth of 256 values
SMALLEST = 27  # voxels of a component that counts


def plateau_threshold(values: FloatArray, brain: MaskArray) -> float:
    """The lowest threshold of the longest stretch with one number of components; NaN without brain.

    `values` and `brain` are (S, H, W). `STEPS` thresholds descend evenly from the highest to the
    lowest of the slices' maxima in the brain, of slices with at least half as much brain as the
    fullest; at each, the 26-connected components of `SMALLEST` voxels or more in the brain are
    counted. The longest stretch of one count above 0 gives the threshold, of equally long ones the
    lowest; where nothing counts, it is the highest value.

    MEBin, the main element binarization of AnomalyNCD (Huang et al., CVPR 2025), for one volume.
    INFERRED: its range runs between the maxima of the images of a set, here between those of the
    slices. Slices at the ends of the brain are left out, since their low maxima would make one
    component of the whole brain the longest stretch. It erodes each mask before it counts, which
    would remove thin lesions; here small components do not count. It calls an image normal whose
    longest stretch has fewer than 4 steps; here the longest always gives a threshold.
    """
    if not brain.any():
        return float("nan")
    inside = np.where(brain, values, np.float32(-np.inf))[box_of(brain)]
    areas = np.isfinite(inside).sum(axis=(1, 2))
    peaks = inside.max(axis=(1, 2))[2 * areas >= areas.max()]
    thresholds = np.linspace(peaks.max(), peaks.min(), STEPS, dtype=np.float32)
    counts = np.array([_components(inside >= threshold) for threshold in thresholds])
    return float(thresholds[_end_of_longest(counts)])


def _components(mask: MaskArray) -> int:
    labels, _ = ndimage.label(mask, structure=NEIGHBOURS_26)
    return int(np.count_nonzero(np.bincount(labels[mask]) >= SMALLEST))


def _end_of_longest(counts: NDArray[np.int64]) -> int:
    """Last index of the longest stretch of equal counts above 0, the last of equals; 0 without.

    >>> _end_of_longest(np.array([0, 0, 0, 2, 2, 1, 1]))
    6
    """
    ends = np.flatnonzero(np.append(np.diff(counts) != 0, True))
    lengths = np.diff(ends, prepend=-1) * (counts[ends] > 0)
    return int(ends[len(lengths) - 1 - int(np.argmax(lengths[::-1]))]) if lengths.any() else 0
