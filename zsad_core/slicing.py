"""Volume to slices, patch grid to slices, slices to depth: the only code that knows planes."""

from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zsad_core.types import FloatArray, MaskArray, Plane, SliceStack, Volume, read_only

PERCENTILES = (0.1, 99.9)
Kind = TypeVar("Kind", bound=np.generic)


def to_slices(volume: Volume, plane: Plane = "axial") -> SliceStack:
    """The volume as slices (S, H, W) from inferior to superior: anterior up, patient's right left.

    One intensity window for the whole volume, the 0.1 and 99.9 percentiles inside the brain.
    """
    low, high = np.percentile(volume.intensity[volume.brain], PERCENTILES)
    scaled = (volume.intensity - low) * (255 / max(float(high - low), 1e-6))
    image = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    x, y, z = volume.spacing_mm
    truth = None if volume.truth is None else read_only(_turn(volume.truth))
    return SliceStack(
        image=read_only(_turn(image)),
        brain=read_only(_turn(volume.brain)),
        truth=truth,
        window=(float(low), float(high)),
        voxel_ml=x * y * z / 1000,
        pixel_mm=(y, x),
    )


def to_voxels(slices: NDArray[Kind], plane: Plane = "axial") -> NDArray[Kind]:
    """Slices (S, H, W) back as voxels (X, Y, Z), RAS+.

    >>> to_voxels(np.array([[[1, 2]]])).tolist()  # the right of the patient is the higher x
    [[[2]], [[1]]]
    """
    return slices.transpose(2, 1, 0)[::-1, ::-1]  # (X, Y, Z)


def patches_near(brain: MaskArray, grid: int, reach: int) -> MaskArray:
    """Patches (S, R, C) that touch the brain (S, H, W), and those up to `reach` patches away.

    The slice counts as squashed to a square of grid x grid patches, as the towers see it.

    >>> patches_near(np.eye(4, dtype=bool)[None], 2, 0).tolist()
    [[[True, False], [False, True]]]
    """
    counts = brain
    for axis in (1, 2):
        size = brain.shape[axis]
        starts = np.minimum(np.arange(grid) * size // grid, size - 1)
        counts = np.logical_or.reduceat(counts, starts, axis=axis)  # (S, R, C) when done
    if reach >= grid:
        return np.ones_like(counts)
    square = np.ones((1, 2 * reach + 1, 2 * reach + 1), bool)
    return ndimage.binary_dilation(counts, square) if reach else counts


def depths(brain: MaskArray, centre: Literal["middle", "centroid"] = "middle") -> FloatArray:
    """Depth of each slice (S,): -1 the most inferior, +1 the most superior brain slice, else NaN.

    0 is the middle of the brain's extent, or its centroid; each side is divided by its own extent.

    >>> depths(np.array([0, 1, 1, 1], bool)[:, None, None]).tolist()
    [nan, -1.0, 0.0, 1.0]
    """
    area = brain.sum(axis=(1, 2))
    filled = np.flatnonzero(area)
    found = np.full(len(brain), np.nan)
    if len(filled) < 2:
        found[filled] = 0.0
        return found
    first, last = int(filled[0]), int(filled[-1])
    zero = (first + last) / 2
    if centre == "centroid":
        zero = float((np.arange(len(brain)) * area).sum() / area.sum())
    index = np.arange(first, last + 1)
    side = np.where(index < zero, zero - first, last - zero)
    found[first : last + 1] = (index - zero) / np.maximum(side, 1e-9)
    return found


def _turn(array: NDArray[Kind]) -> NDArray[Kind]:
    """(X, Y, Z) RAS+ to contiguous (S, H, W)."""
    return np.ascontiguousarray(array[::-1, ::-1].transpose(2, 1, 0))
