"""Voxels of one image on the grid of another: reoriented exactly, or resampled."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from zsad_core.types import FloatArray, MaskArray, Volume

TOLERANCE_MM = 1e-2  # largest distance between corners of equal grids; headers round
EDGE_VOXELS = 1e-4


@dataclass(frozen=True)
class Grid:
    """The grid of voxels (X, Y, Z): their numbers, and the affine (4, 4) from voxel to mm."""

    shape: tuple[int, int, int]
    affine: FloatArray

    def __str__(self) -> str:
        sides = " x ".join(map(str, self.shape))
        rows = "; ".join(" ".join(f"{value:.6g}" for value in row) for row in self.affine[:3])
        return f"shape {sides} and affine ({rows})"


def grid_of(volume: Volume) -> Grid:
    """The grid of a scan, RAS+."""
    x, y, z = volume.intensity.shape
    return Grid((x, y, z), volume.affine)


def reoriented(values: FloatArray, affine: FloatArray, reference: Grid) -> tuple[FloatArray, Grid]:
    """Values (I, J, K) with axes permuted and flipped to match those of the reference.

    No value changes. This holds for an oblique reference too, since the axes are compared between
    the two grids, not with the patient.
    """
    orientation = nib.orientations.io_orientation(np.linalg.inv(reference.affine) @ affine)
    oriented = nib.orientations.apply_orientation(values, orientation)
    x, y, z = oriented.shape
    return oriented, Grid(
        (x, y, z), affine @ nib.orientations.inv_ornt_aff(orientation, values.shape)
    )


def equal(first: Grid, second: Grid) -> bool:
    """Whether two grids have one shape, and corners at most 0.01 mm apart.

    >>> equal(Grid((2, 2, 2), np.eye(4)), Grid((2, 2, 2), np.diag([1.001, 1, 1, 1])))
    True
    >>> equal(Grid((200, 2, 2), np.eye(4)), Grid((200, 2, 2), np.diag([1.001, 1, 1, 1])))
    False
    """
    if first.shape != second.shape:
        return False
    corners = np.array([(*corner, 1) for corner in np.ndindex(2, 2, 2)]) * (*first.shape, 1)
    distances = corners @ (first.affine - second.affine).T[:, :3]  # (8, 3) mm
    return bool(np.linalg.norm(distances, axis=1).max() <= TOLERANCE_MM)


def resample(
    values: FloatArray, grid: Grid, reference: Grid, linear: bool
) -> tuple[FloatArray, MaskArray]:
    """Values (X, Y, Z) on the reference grid, linear or nearest, and the voxels they cover.

    Values extend half a voxel beyond the outermost centres; further voxels are not covered and 0.
    A coarser grid samples single values, without averaging.
    """
    to_grid = np.linalg.inv(grid.affine) @ reference.affine
    sampled = ndimage.affine_transform(
        values,
        to_grid[:3, :3],
        to_grid[:3, 3],
        output_shape=reference.shape,
        order=1 if linear else 0,
        mode="nearest",
    )
    covered = _covered(to_grid, grid.shape, reference.shape)
    return np.where(covered, sampled, np.float32(0)), covered


def _covered(to_grid: FloatArray, sides: tuple[int, ...], shape: tuple[int, ...]) -> MaskArray:
    """Voxels of `shape` whose centres lie in a voxel of the other grid."""
    axes = np.ogrid[tuple(slice(side) for side in shape)]
    covered = np.ones(shape, bool)
    for row, side in zip(to_grid[:3], sides, strict=True):
        index = row[3] + sum(step * axis for step, axis in zip(row[:3], axes, strict=True))
        covered &= (index >= -0.5 - EDGE_VOXELS) & (index <= side - 0.5 + EDGE_VOXELS)
    return covered
