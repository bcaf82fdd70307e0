"""The synthetic brain: four contrasts from the ICBM152 tissue maps, a pure function of its seed."""

import functools
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zsad_core.base.lru_cache import LruCache
from zsad_core.base.threads import ThreadPool
from zsad_core.types import FloatArray, MaskArray

GENERATOR_VERSION = 1
CONTRASTS = ("t1n", "t1c", "t2w", "t2f")
# Weights of grey matter, white matter and cerebrospinal fluid in each contrast.
WEIGHTS = {
    "t1n": (0.55, 0.85, 0.18),
    "t1c": (0.58, 0.86, 0.20),
    "t2w": (0.60, 0.40, 1.00),
    "t2f": (0.62, 0.50, 0.08),
}
GRID_MM = (240, 240, 155)
MARGIN_MM = 9  # as far as the warp may move the brain
# (X, Y, Z, 3) uint8 at 1 mm: grey and white matter in 1/255 and the brain mask, as nilearn's
# `load_mni152_gm_template`, `load_mni152_wm_template` and `load_mni152_brain_mask` give them, whose
# import takes longer than the making of a scan.
ICBM152 = Path(__file__).with_name("icbm152.nii.gz")
_TEMPLATE: LruCache[tuple[NDArray[np.float32], ...]] = LruCache(1)


@dataclass(frozen=True)
class Anatomy:
    """A lesion-free head without skull, (X, Y, Z) RAS+; contrasts in units of about 0 … 1000."""

    contrasts: dict[str, FloatArray]
    brain: MaskArray
    white: FloatArray
    spacing_mm: float


def healthy(seed: int, spacing_mm: float = 1.0) -> Anatomy:
    """The brain of a seed on the BraTS grid (240 x 240 x 155 mm); the same at any spacing.

    The template is scaled by 0.82 to 0.90 and warped smoothly, its cut brainstem is tapered; each
    contrast gets its own bias field and noise.
    """
    rng = np.random.default_rng([GENERATOR_VERSION, seed])
    shape = tuple(round(side / spacing_mm) for side in GRID_MM)
    box, where = _coordinates(rng, shape, spacing_mm)
    near = _near_tissue(where)
    points = where[:, near]
    with ThreadPool(3) as pool:
        tissues = tuple(
            pool.map(
                lambda tissue: ndimage.map_coordinates(tissue, points, order=1, mode="constant"),
                template(),
            )
        )
    solid = near.copy()
    solid[near] = sum(tissues) > 0.5
    brain = _one_piece(solid)
    tissues = tuple(_spread(values, near)[brain] for values in tissues)
    inside = np.zeros(shape, bool)
    inside[box] = brain
    return Anatomy(
        {name: _spread(_contrast(rng, name, tissues, brain), inside) for name in CONTRASTS},
        inside,
        _spread(tissues[1], inside),
        spacing_mm,
    )


def _near_tissue(where: NDArray[np.float32]) -> MaskArray:
    """Which voxels (X, Y, Z) lie, in the template, within two of its tissue; elsewhere is none."""
    nearest = np.rint(where).astype(np.int16)
    for axis, side in zip(nearest, _around().shape, strict=True):
        np.clip(axis, 0, side - 1, out=axis)
    return _around()[tuple(nearest)]


def _spread(values: FloatArray, mask: MaskArray) -> FloatArray:
    """Values (N,) at the voxels of a mask, 0 elsewhere."""
    filled = np.zeros(mask.shape, values.dtype)
    filled[mask] = values
    return filled


def get_ready() -> None:
    """Make what the first brain of a process waits for."""
    _extent()
    _around()


def template() -> tuple[NDArray[np.float32], ...]:
    """Grey, white matter, fluid, (X, Y, Z) RAS+ at 1 mm, 0 … 1, brainstem tapered; read once."""
    return _TEMPLATE.get("", _tissues)


def _tissues() -> tuple[NDArray[np.float32], ...]:
    maps = np.asanyarray(nib.Nifti1Image.from_filename(ICBM152).dataobj)
    *matter, mask = (np.ascontiguousarray(maps[..., i]) for i in range(3))
    taper = _taper(mask > 0)
    tissues = np.empty((3, *mask.shape), np.float32)
    for x in range(len(mask)):  # a plane stays in the processor's cache
        grey, white = (density[x].astype(np.float32) / 255 for density in matter)
        fluid = np.clip((mask[x] > 0) - grey - white, 0, 1)
        for tissue, values in zip(tissues, (grey, white, fluid), strict=True):
            np.multiply(values, taper[x], out=tissue[x])
    return tuple(tissues)


def _taper(mask: MaskArray) -> NDArray[np.float32]:
    """Rounds the cut end: near the floor only what lies deep inside its own slice stays."""
    keep = np.ones(mask.shape, np.float32)
    floor = int(np.flatnonzero(mask.any(axis=(0, 1)))[0])
    for step in range(10):
        inside = ndimage.distance_transform_edt(mask[..., floor + step])
        needed = inside.max() * (1 - np.sqrt(1 - ((10 - step) / 10.5) ** 2))
        keep[..., floor + step] = np.clip(inside - needed, 0, 1)
    return keep


def _coordinates(
    rng: np.random.Generator, shape: tuple[int, ...], spacing_mm: float
) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
    """The part of the grid that holds the brain, and where its voxels lie in the template."""
    scale = rng.uniform(0.83, 0.895) * rng.uniform(0.985, 1.015, 3)
    scale[2] = np.clip(scale[2], 0.825, 0.895)
    low, high = _extent()
    middle = (np.array(template()[0].shape) - 1) / 2
    middle[2] = (low[2] + high[2]) / 2
    centre = np.array(GRID_MM) / 2
    box, axes = [], []
    for i, size in enumerate(shape):
        ends = np.array([low[i] - MARGIN_MM, high[i] + MARGIN_MM]) - middle[i]
        first, last = (ends * scale[i] + centre[i]) / spacing_mm
        box.append(slice(max(int(first), 0), min(int(last) + 1, size)))
        positions = (np.arange(size, dtype=np.float32) + 0.5) * spacing_mm
        axes.append(((positions - centre[i]) / scale[i] + middle[i])[box[i]])
    knots = [_knots(rng) for _ in range(3)]
    grids = np.meshgrid(*axes, indexing="ij", sparse=True)
    shape = tuple(len(axis) for axis in axes)
    where = np.empty((3, *shape), np.float32)
    for i, (grid, knot) in enumerate(zip(grids, knots, strict=True)):
        where[i] = grid + smooth(knot, shape)
    return tuple(box), where


@functools.cache
def _around() -> MaskArray:
    """The template's tissue and two voxels around it, so that none has a neighbour outside."""
    return ndimage.maximum_filter(np.asarray(sum(template()) > 0).view(np.uint8), 5).view(bool)


@functools.cache
def _extent() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last voxel of the template's brain along each axis."""
    (box,) = ndimage.find_objects((np.asarray(sum(template())) > 0).view(np.int8))
    return np.array([side.start for side in box]), np.array([side.stop - 1 for side in box])


def smooth(knots: FloatArray, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Knots on a coarse grid as a smooth field of the shape (cubic, one axis after the other)."""
    field = knots
    for count, size in zip(knots.shape, shape, strict=True):
        basis = ndimage.zoom(np.eye(count), (size / count, 1), order=3)[:size]
        field = np.tensordot(field, basis.astype(np.float32), axes=(0, 1))  # axis goes last
    return field.astype(np.float32)


def _knots(rng: np.random.Generator) -> NDArray[np.float32]:
    """Displacements in mm on a coarse grid, zero at top and bottom so that the span keeps."""
    knots = rng.normal(0, 3.0, (5, 5, 5)).astype(np.float32)
    knots[..., [0, -1]] *= 0.2
    return knots


def _one_piece(mask: MaskArray) -> MaskArray:
    """The largest component, holes filled: what the outside of the grid is not connected to."""
    labels, count = ndimage.label(mask)
    if count > 1:
        mask = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    outside, _ = ndimage.label(np.pad(~mask, 1, constant_values=True))
    return (outside != outside[0, 0, 0])[1:-1, 1:-1, 1:-1]


def _contrast(
    rng: np.random.Generator, name: str, tissues: tuple[FloatArray, ...], brain: MaskArray
) -> NDArray[np.float32]:
    """Of the brain's voxels (N,), from their tissues (N,)."""
    weights = np.array(WEIGHTS[name]) * rng.uniform(0.96, 1.04, 3)
    knots = rng.normal(0, 0.05, (4, 4, 4))
    bias = smooth(knots, brain.shape)[brain]
    noise = rng.standard_normal(brain.shape, dtype=np.float32)[brain] * 0.018
    gain = rng.uniform(700, 1000)
    signal = sum(w * tissue for w, tissue in zip(weights, tissues, strict=True))
    return np.maximum((signal * (1 + bias) + noise) * gain, 1.0).astype(np.float32)
