"""From anomaly levels to a binary mask: threshold, brain, smallest component."""

import numpy as np
from scipy import ndimage

from zsad_core.types import ByteArray, MaskArray, ReadoutSpec

TOUCHING = np.ones((3, 3, 3), dtype=bool)  # 26 neighbours


def predicted_mask(levels: ByteArray, brain: MaskArray, spec: ReadoutSpec) -> MaskArray:
    """The predicted lesion (S, H, W): levels at or above the threshold, as the spec says.

    Both arrays are (S, H, W). Components smaller than `min_component_voxels` are removed after
    the brain limit; 0 and 1 remove none.

    >>> levels = np.array([[[10, 200, 200]]], dtype=np.uint8)
    >>> brain = np.array([[[True, True, False]]])
    >>> predicted_mask(levels, brain, ReadoutSpec(threshold=200)).tolist()
    [[[False, True, False]]]
    """
    if levels.shape != brain.shape:
        raise ValueError(f"levels {levels.shape} and brain {brain.shape} must have one shape")
    mask = levels >= spec.threshold
    if spec.brain_only:
        mask &= brain
    return without_small(mask, spec.min_component_voxels)


def without_small(mask: MaskArray, fewest_voxels: int) -> MaskArray:
    """The mask (S, H, W) without 26-connected components of fewer voxels; empty stays empty.

    >>> without_small(np.array([[[True, True, False, True]]]), 2).tolist()
    [[[True, True, False, False]]]
    """
    if fewest_voxels <= 1:
        return mask
    part, _ = ndimage.label(mask, structure=TOUCHING)
    keep = np.bincount(part.ravel()) >= fewest_voxels
    keep[0] = False
    return np.asarray(keep[part], dtype=bool)
