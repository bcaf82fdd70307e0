"""Voxels of one image on the grid of another: turned exactly, or resampled."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy import ndimage

from zsad_core.types import FloatArray, MaskArray, Volume

SAME_PLACE_MM = 1e-2  # how far the corners of equal grids may lie apart; headers round
EDGE_VOXELS = 1e-4


@dataclass(frozen=True)
class Grid:
    """Where voxels (X, Y, Z) lie: how many there are, and the affine (4, 4) from voxel to mm."""

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


def turned(values: FloatArray, affine: FloatArray, reference: Grid) -> tuple[FloatArray, Grid]:
    """Values (I, J, K) with axes permuted and flipped to run as those of the reference do.

    Every value stays what it is. The axes are those of the reference also where it lies oblique,
    as they are told from one grid to the other and not from either to the patient.
    """
    turn = nib.orientations.io_orientation(np.linalg.inv(reference.affine) @ affine)
    moved = nib.orientations.apply_orientation(values, turn)
    x, y, z = moved.shape
    return moved, Grid((x, y, z), affine @ nib.orientations.inv_ornt_aff(turn, values.shape))


def same(one: Grid, other: Grid) -> bool:
    """Whether shapes are equal and no corner lies more than 0.01 mm from that of the other.

    >>> same(Grid((2, 2, 2), np.eye(4)), Grid((2, 2, 2), np.diag([1.001, 1, 1, 1])))
    True
    >>> same(Grid((200, 2, 2), np.eye(4)), Grid((200, 2, 2), np.diag([1.001, 1, 1, 1])))
    False
    """
    if one.shape != other.shape:
        return False
    corners = np.array([(*corner, 1) for corner in np.ndindex(2, 2, 2)]) * (*one.shape, 1)
    apart = corners @ (one.affine - other.affine).T[:, :3]  # (8, 3) mm
    return bool(np.linalg.norm(apart, axis=1).max() <= SAME_PLACE_MM)


def resampled(
    values: FloatArray, grid: Grid, reference: Grid, linear: bool
) -> tuple[FloatArray, MaskArray]:
    """Values (X, Y, Z) on the reference grid, linear or nearest, and which voxels they cover.

    A value reaches half a voxel beyond the outermost centres; what lies further is not covered
    and 0. A coarser grid takes single values and no means.
    """
    to_grid = np.linalg.inv(grid.affine) @ reference.affine
    found = ndimage.affine_transform(
        values,
        to_grid[:3, :3],
        to_grid[:3, 3],
        output_shape=reference.shape,
        order=1 if linear else 0,
        mode="nearest",
    )
    covered = _covered(to_grid, grid.shape, reference.shape)
    return np.where(covered, found, np.float32(0)), covered


def _covered(to_grid: FloatArray, sides: tuple[int, ...], shape: tuple[int, ...]) -> MaskArray:
    """Voxels of `shape` whose place, taken to the other grid, lies in a voxel of it."""
    axes = np.ogrid[tuple(slice(side) for side in shape)]
    covered = np.ones(shape, bool)
    for row, side in zip(to_grid[:3], sides, strict=True):
        index = row[3] + sum(step * axis for step, axis in zip(row[:3], axes, strict=True))
        covered &= (index >= -0.5 - EDGE_VOXELS) & (index <= side - 0.5 + EDGE_VOXELS)
    return covered
