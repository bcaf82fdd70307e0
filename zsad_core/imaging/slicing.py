"""Volume to slices, patch grid to slices, slices to depth: the only code that knows planes."""

from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zsad_core.types import ByteArray, FloatArray, MaskArray, Plane, SliceStack, Volume, read_only

PERCENTILES = (0.1, 99.9)
# The voxel axes of slices, rows and columns; rows and columns run against their axes.
AXES: dict[Plane, tuple[int, int, int]] = {
    "axial": (2, 1, 0),
    "coronal": (1, 2, 0),
    "sagittal": (0, 2, 1),
}
Kind = TypeVar("Kind", bound=np.generic)


def to_slices(volume: Volume, plane: Plane = "axial") -> SliceStack:
    """The volume as slices (S, H, W): the patient's right, or in sagittal ones the front, left.

    Axial slices run from inferior to superior, anterior up; coronal ones from back to front and
    sagittal ones from the patient's left to the right, superior up.
    One intensity window for the whole volume, the 0.1 and 99.9 percentiles inside the brain.
    """
    low, high = np.percentile(volume.intensity[volume.brain], PERCENTILES)
    finest = np.spacing(np.float32(max(abs(low), abs(high))))  # that float32 tells apart here
    scale = 255 / max(float(high - low), float(finest))

    def windowed(values: FloatArray) -> ByteArray:
        return np.clip(np.rint((values - low) * scale), 0, 255).astype(np.uint8)

    image = np.full(volume.intensity.shape, windowed(np.zeros(1, volume.intensity.dtype))[0])
    filled = volume.intensity != 0  # of a volume without its skull a sixth
    image[filled] = windowed(volume.intensity[filled])
    x, y, z = volume.spacing_mm
    _, row, column = AXES[plane]
    truth = None if volume.truth is None else read_only(as_slices(volume.truth, plane))
    return SliceStack(
        image=read_only(as_slices(image, plane)),
        brain=read_only(as_slices(volume.brain, plane)),
        truth=truth,
        window=(float(low), float(high)),
        voxel_ml=x * y * z / 1000,
        pixel_mm=(volume.spacing_mm[row], volume.spacing_mm[column]),
        digest=volume.digest,
    )


def as_slices(array: NDArray[Kind], plane: Plane = "axial") -> NDArray[Kind]:
    """Voxels (X, Y, Z), RAS+, as contiguous slices (S, H, W); `to_voxels` is the inverse."""
    return np.ascontiguousarray(array.transpose(AXES[plane])[:, ::-1, ::-1])


def to_voxels(slices: NDArray[Kind], plane: Plane = "axial") -> NDArray[Kind]:
    """Slices (S, H, W, …) back as voxels (X, Y, Z, …), RAS+.

    >>> to_voxels(np.array([[[1, 2]]])).tolist()  # the right of the patient is the higher x
    [[[2]], [[1]]]
    """
    return np.moveaxis(slices[:, ::-1, ::-1], (0, 1, 2), AXES[plane])


def patches_near(brain: MaskArray, grid: int, reach: int) -> MaskArray:
    """Patches (S, R, C) that touch the brain (S, H, W), and those up to `reach` patches away.

    The slice counts as squashed to a square of grid x grid patches, as the towers see it.

    >>> patches_near(np.eye(4, dtype=bool)[None], 2, 0).tolist()
    [[[True, False], [False, True]]]
    """
    counts = _touched(brain, grid, (1, 2))  # (S, R, C)
    if reach >= grid:
        return np.ones_like(counts)
    square = np.ones((1, 2 * reach + 1, 2 * reach + 1), bool)
    return ndimage.binary_dilation(counts, square) if reach else counts


def pixels_per_patch(mask: MaskArray, grid: int) -> NDArray[np.int64]:
    """Number of pixels of a mask (H, W) in each patch, (R, C); each pixel is counted once.

    >>> pixels_per_patch(np.eye(4, dtype=bool), 2).tolist()
    [[2, 0], [0, 2]]
    """
    rows, columns = (
        np.searchsorted(_starts(size, grid), np.arange(size), "right") - 1 for size in mask.shape
    )
    patch = (rows[:, None] * grid + columns)[mask]  # (set pixels,)
    return np.bincount(patch, minlength=grid * grid).reshape(grid, grid)


def depths(brain: MaskArray, centre: Literal["middle", "centroid"] = "middle") -> FloatArray:
    """Depth of each slice (S,): -1 the most inferior, +1 the most superior brain slice, else NaN.

    0 is the middle of the brain's extent, or its centroid; each side is divided by its own extent.

    >>> depths(np.array([0, 1, 1, 1], bool)[:, None, None]).tolist()
    [nan, -1.0, 0.0, 1.0]
    """
    area = brain.sum(axis=(1, 2))
    filled = np.flatnonzero(area)
    depth = np.full(len(brain), np.nan)
    if len(filled) < 2:
        depth[filled] = 0.0
        return depth
    first, last = int(filled[0]), int(filled[-1])
    zero = (first + last) / 2
    if centre == "centroid":
        zero = float((np.arange(len(brain)) * area).sum() / area.sum())
    index = np.arange(first, last + 1)
    side = np.where(index < zero, zero - first, last - zero)
    depth[first : last + 1] = (index - zero) / np.maximum(side, 1e-9)
    return depth


def layer(size: int, grid: int, index: int) -> slice:
    """The slices, of `size`, in one of `grid` layers of cubes; never none.

    >>> layer(10, 4, 1), layer(2, 4, 3)
    (slice(2, 5, None), slice(1, 2, None))
    """
    start = min(index * size // grid, size - 1)
    return slice(start, max((index + 1) * size // grid, start + 1))


def cubes_touching(brain: MaskArray, grid: int) -> MaskArray:
    """Cells (G, G, G) of the volume that touch the brain (X, Y, Z), along the same axes.

    A cell lies where a patch of grid x grid lies in slices of each plane.
    """
    return _touched(brain, grid, (0, 1, 2))


def cubes_to_voxels(values: FloatArray, retained: MaskArray, brain: MaskArray) -> FloatArray:
    """Values (P,) of retained cubes (G, G, G) as float32 (X, Y, Z): trilinear, 0 outside the brain.

    The outermost cubes extend beyond the brain, so that its rim is not darkened.

    >>> retained = np.array([[[True]], [[True]]])
    >>> cubes_to_voxels(np.array([0.0, 1.0]), retained, np.ones((4, 1, 1), bool)).ravel().tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    grid = np.zeros(retained.shape, np.float32)
    grid[retained] = values
    nearest = ndimage.distance_transform_edt(~retained, return_distances=False, return_indices=True)
    grid = grid[tuple(nearest)]
    for axis, size in enumerate(brain.shape):
        grid = _stretched(grid, size, axis)
    return np.where(brain, grid, np.float32(0))


def _stretched(values: FloatArray, size: int, axis: int) -> FloatArray:
    """Linear along one axis, as bilinear interpolation with align_corners=False."""
    count = values.shape[axis]
    position = np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, count - 1)
    low = np.minimum(position.astype(np.int64), max(count - 2, 0))
    shape = [1, 1, 1]
    shape[axis] = size
    share = (position - low).astype(np.float32).reshape(shape)
    high = np.minimum(low + 1, count - 1)
    return values.take(low, axis) * (1 - share) + values.take(high, axis) * share


def _touched(mask: MaskArray, grid: int, axes: tuple[int, ...]) -> MaskArray:
    """Whether each of `grid` parts along the axes holds any of the mask."""
    for axis in axes:
        mask = np.logical_or.reduceat(mask, _starts(mask.shape[axis], grid), axis=axis)
    return mask


def _starts(size: int, grid: int) -> NDArray[np.int64]:
    """The first pixel of each patch along an axis of that many pixels."""
    return np.minimum(np.arange(grid) * size // grid, size - 1)
