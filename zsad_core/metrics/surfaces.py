"""Distances between the surfaces of two masks: HD95 and NSD, by two published definitions.

"elements" (surface-distance 0.1, which the BraTS 2023 scorer carries): surface elements at voxel
corners, weighted by their area in mm²; HD95 is the larger of the two directions, NSD the share of
both areas within the tolerance. "voxels" (panoptica 2.1.7, the BraTS 2025/26 scorer): border
voxels, each of the same weight; HD95 is of both directions pooled, NSD the mean of the two shares.
The two are not comparable. The areas are surface-distance's table; its own functions fail on an
empty mask under NumPy 2 and rest on names that SciPy drops, so the distances are measured here.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree
from surface_distance import lookup_tables

from zsad_core.metrics.boxes import box_of
from zsad_core.types import FloatArray, MaskArray

Definition = Literal["elements", "voxels"]
Spacing = tuple[float, float, float]
NOISE = 1e-6  # of a length: what float32 leaves of a spacing in an oblique header


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances in mm from each surface element of a mask to the other surface, and weights.

    An empty mask has no elements; distances to it are infinite.
    """

    definition: Definition
    from_truth: FloatArray
    from_predicted: FloatArray
    truth_weights: FloatArray
    predicted_weights: FloatArray


def surfaces(
    truth: MaskArray, predicted: MaskArray, spacing_mm: Spacing, definition: Definition = "elements"
) -> SurfaceDistances:
    """The distances between two masks (S, H, W); `spacing_mm` is in the order of their axes.

    >>> line = np.zeros((1, 1, 5), dtype=bool)
    >>> truth, predicted = line.copy(), line.copy()
    >>> truth[..., 0], predicted[..., 3] = True, True
    >>> surfaces(truth, predicted, (1, 1, 2), "voxels").from_truth.tolist()
    [6.0]
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth {truth.shape} and predicted {predicted.shape} differ in shape")
    box = box_of(truth | predicted)
    kind = _elements if definition == "elements" else _border
    truth_points, truth_weights = kind(truth[box], spacing_mm)
    predicted_points, predicted_weights = kind(predicted[box], spacing_mm)
    return SurfaceDistances(
        definition,
        _nearest_mm(truth_points, predicted_points, spacing_mm),
        _nearest_mm(predicted_points, truth_points, spacing_mm),
        truth_weights,
        predicted_weights,
    )


def hd95_mm(distances: SurfaceDistances) -> float:
    """95th percentile of the distances: infinite if one mask is empty, NaN if both are."""
    forth, back = distances.from_truth, distances.from_predicted
    if not forth.size or not back.size:
        return float("nan" if forth.size == back.size else "inf")
    if distances.definition == "voxels":
        return float(np.percentile(np.concatenate([forth, back]), 95))
    weights = (distances.truth_weights, distances.predicted_weights)
    return max(map(_percentile, (forth, back), weights))


def nsd(distances: SurfaceDistances, tolerance_mm: float) -> float:
    """Normalised surface Dice, 0 to 1: 0 if one mask is empty, NaN if both are.

    A distance of the tolerance itself lies within it.
    """
    within = tolerance_mm * (1 + NOISE)
    near = (
        float(distances.truth_weights[distances.from_truth <= within].sum()),
        float(distances.predicted_weights[distances.from_predicted <= within].sum()),
    )
    area = (float(distances.truth_weights.sum()), float(distances.predicted_weights.sum()))
    if not all(area):
        return 0.0 if any(area) else float("nan")
    if distances.definition == "voxels":
        return (near[0] / area[0] + near[1] / area[1]) / 2
    return sum(near) / sum(area)


def _elements(mask: MaskArray, spacing_mm: Spacing) -> tuple[NDArray[np.int64], FloatArray]:
    """Voxel corners (N, 3) that the surface passes by, and its area there in mm²."""
    kernel = lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL
    code = ndimage.correlate(np.pad(mask.astype(np.uint8), (0, 1)), kernel, mode="constant")
    passed = (code != 0) & (code != 255)
    return np.argwhere(passed), _areas_mm2(tuple(spacing_mm))[code[passed]]


def _border(mask: MaskArray, _: Spacing) -> tuple[NDArray[np.int64], FloatArray]:
    """Voxels (N, 3) with a face to the outside or to the edge of the array, each of weight 1."""
    points = np.argwhere(mask & ~ndimage.binary_erosion(mask))
    return points, np.ones(len(points))


@functools.lru_cache(16)
def _areas_mm2(spacing_mm: Spacing) -> FloatArray:
    return lookup_tables.create_table_neighbour_code_to_surface_area(spacing_mm)


def _nearest_mm(
    points: NDArray[np.int64], targets: NDArray[np.int64], spacing_mm: Spacing
) -> FloatArray:
    """Distance from each point to the nearest of the others, exact in whole steps of spacing."""
    if not len(points) or not len(targets):
        return np.full(len(points), np.inf)
    _, nearest = KDTree(targets * np.array(spacing_mm)).query(points * np.array(spacing_mm))
    steps = (points - targets[nearest]) * np.array(spacing_mm)
    return np.sqrt((steps**2).sum(axis=1))


def _percentile(distances: FloatArray, weights: FloatArray) -> float:
    """The distance below which 95 % of the surface lies."""
    order = np.lexsort((weights, distances))
    index = int(np.searchsorted(np.cumsum(weights[order]) / weights.sum(), 0.95))
    return float(distances[order][min(index, len(order) - 1)])
