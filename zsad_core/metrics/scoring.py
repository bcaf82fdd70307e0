"""From an anomaly map to a binary mask: threshold, brain, smallest component."""

import numpy as np
from scipy import ndimage

from zsad_core.metrics.boxes import box_of
from zsad_core.types import FloatArray, MaskArray, ReadoutSpec

NEIGHBOURS_26 = np.ones((3, 3, 3), dtype=bool)


def predicted_mask(values: FloatArray, brain: MaskArray, spec: ReadoutSpec) -> MaskArray:
    """The predicted lesion (S, H, W): values at or above the threshold, as the spec says.

    Both arrays are (S, H, W); the threshold is held to float32, as the map is. Components smaller
    than `min_component_voxels` are removed after the brain limit; 0 and 1 remove none.

    >>> values = np.array([[[0.1, 0.8, 0.8]]], dtype=np.float32)
    >>> brain = np.array([[[True, True, False]]])
    >>> predicted_mask(values, brain, ReadoutSpec(threshold=0.8)).tolist()
    [[[False, True, False]]]
    """
    if values.shape != brain.shape:
        raise ValueError(f"values {values.shape} and brain {brain.shape} must have one shape")
    mask = values >= np.float32(spec.threshold)
    if spec.brain_only:
        mask &= brain
    return without_small(mask, spec.min_component_voxels)


def without_small(mask: MaskArray, fewest_voxels: int) -> MaskArray:
    """The mask (S, H, W) without 26-connected components of fewer voxels; empty stays empty.

    >>> without_small(np.array([[[True, True, False, True]]]), 2).tolist()
    [[[True, True, False, False]]]
    """
    if fewest_voxels <= 1 or not mask.any():
        return mask
    box = box_of(mask)
    inside = mask[box]
    component = ndimage.label(inside, structure=NEIGHBOURS_26)[0][inside]  # (set voxels,)
    retained = np.zeros_like(mask)
    retained[box][inside] = (np.bincount(component) >= fewest_voxels)[component]
    return retained
