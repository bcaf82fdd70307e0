"""The brain of a scan, found by its intensities alone."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_multiotsu, threshold_otsu

from zsad_core.base.wording import counted
from zsad_core.types import FloatArray, MaskArray

STRIPPED_BACKGROUND = 0.2  # share of zeros from which a scan can be skull-stripped
DUST = 1e-3  # of the brightest: what is no more, away from the rest, is no tissue
RINGING = 0.02  # of the brightest: below it lie the ripples around a resampled head
NEAR_VOXELS = 3
APART_MM = 10
BRAIN_MM3 = 2.5e6  # no brain is larger, and no adult's head smaller
BINS = 256
PADDING = 1e-3  # share of the voxels that hold a padding value
SHELL_MM = 2.5
DEEPEST_MM, BENEATH_MM = 25, 17.5  # where the skull may lie, and how far beneath it the brain
DARK = 0.25  # of scalp and brain: what bone is at most
AIR = 0.15  # of tissue: what air is at most


@dataclass(frozen=True)
class Foreground:
    """The brain (X, Y, Z), whether the scan has no skull, and sentences to show beside it.

    `rule` is "" where every voxel above 0 is brain, or all above one cut where nothing is 0; else
    it names the rule, as one scan under another rule is another scan.
    """

    brain: MaskArray
    skull_stripped: bool = True
    notes: tuple[str, ...] = ()
    rule: str = ""


def foreground(values: FloatArray, spacing_mm: tuple[float, float, float]) -> Foreground:
    """The brain of finite intensities (X, Y, Z) RAS+, not all of them equal.

    It is every voxel above 0 of a skull-stripped scan. Of a whole head it is a rough foreground,
    and a note says so: a head is recognised by air that is not 0, its size, or its dark skull. A
    padding value, the only one below 0, counts as 0. Voxels apart from a stripped head are noted.
    """
    extent = _by_rule(values, spacing_mm)
    apart = _apart(extent.brain, spacing_mm) if extent.skull_stripped else 0
    if not apart:
        return extent
    note = (
        f"{counted(apart, 'voxel')} of its foreground lie apart from the head, by {APART_MM} mm or "
        "more, and move depth and numbers; clear them if they are no tissue."
    )
    return replace(extent, notes=(*extent.notes, note))


def _by_rule(values: FloatArray, spacing_mm: tuple[float, float, float]) -> Foreground:
    """The foreground by the rule that fits the intensities."""
    padding = values.min()
    padded = values == padding
    if padding < 0 and padded.mean() > PADDING and values[~padded].min() >= 0:
        unpadded = _by_rule(np.where(padded, np.float32(0), values), spacing_mm)
        note = f"Where it holds {padding:g}, its one value below 0, it counts as empty."
        return replace(unpadded, notes=(note, *unpadded.notes), rule=f"padding {unpadded.rule}")
    top = float(np.percentile(np.abs(values[values != 0]), 99))
    if (np.abs(values) <= DUST * top).mean() < STRIPPED_BACKGROUND:
        cut = float(threshold_otsu(values))
        return Foreground(values > cut, False, (_note("it has no background of zeros", cut),))
    bright = values > RINGING * top
    head = ""
    if _holds_air(values, DUST * top):
        head = "zeros are only a part of its air"
    elif np.count_nonzero(bright) * np.prod(spacing_mm) > BRAIN_MM3:
        head = "it is larger than any brain"
    elif _has_skull(values, bright, spacing_mm):
        head = "a dark skull lies below its rim"
    if head:
        bin_width = np.ptp(values) / BINS
        cut = float(threshold_multiotsu(values, nbins=BINS)[0] + bin_width / 2)
        return Foreground(values > cut, False, (_note(head, cut),), "head")
    dust = _dust(values, DUST * top)
    if dust:
        note = (
            f"Its background is not clean: {dust} voxels far from the head hold up to "
            f"{DUST:.1%} of its intensity. The foreground is all that is above {RINGING:.0%} of it."
        )
        return Foreground(ndimage.binary_fill_holes(bright), notes=(note,), rule="dust")
    if (values < 0).sum() > 0.01 * (values != 0).sum():
        note = "Holds negative values, so the foreground is every voxel other than 0."
        return Foreground(values != 0, notes=(note,))
    return Foreground(values > 0)


def _apart(brain: MaskArray, spacing_mm: tuple[float, float, float]) -> int:
    """How many voxels are parted from the largest piece of the brain by `APART_MM` or more."""
    sides = [max(math.ceil(APART_MM / side), 1) for side in spacing_mm]
    blocks = brain
    for axis, side in enumerate(sides):
        blocks = np.logical_or.reduceat(blocks, np.arange(0, brain.shape[axis], side), axis)
    pieces, count = ndimage.label(blocks, np.ones((3, 3, 3)))
    if count < 2:
        return 0
    for axis, side in enumerate(sides):
        pieces = np.repeat(pieces, side, axis)
    sizes = np.bincount(pieces[tuple(map(slice, brain.shape))][brain])
    return int(sizes.sum() - sizes.max())


def _note(why: str, cut: float) -> str:
    return (
        f"Not skull-stripped, as {why}: the foreground is only rough, every voxel above "
        f"{cut:.4g} (Otsu), any skull and scalp included."
    )


def _holds_air(values: FloatArray, floor: float) -> bool:
    """Whether the faces of the volume hold air: much above a floor, most of it far below tissue."""
    faces = np.concatenate([np.take(values, (0, -1), axis).ravel() for axis in range(3)])
    filled = np.abs(faces[np.abs(faces) > floor])
    if len(filled) < 0.1 * len(faces):
        return False
    tissue = values[values > threshold_otsu(values[values != 0])]
    return bool(np.mean(filled < AIR * np.median(tissue)) > 0.5)


def _has_skull(
    values: FloatArray, bright: MaskArray, spacing_mm: tuple[float, float, float]
) -> bool:
    """Whether a dark shell lies between a bright rim and a bright inside, above the middle."""
    steps = [max(round(SHELL_MM / side), 1) for side in spacing_mm]
    coarse = tuple(slice(None, None, step) for step in steps)
    solid = ndimage.binary_fill_holes(np.pad(bright[coarse], 1))
    sides = [side * step for side, step in zip(spacing_mm, steps, strict=True)]
    depth = ndimage.distance_transform_edt(solid, sampling=sides)[1:-1, 1:-1, 1:-1]
    heights = np.flatnonzero(solid.any((0, 1)))
    middle = int(heights.mean()) if len(heights) else 0
    shells = np.ceil(depth[..., middle:] / SHELL_MM).astype(int)
    count = int((DEEPEST_MM + BENEATH_MM) / SHELL_MM)
    inside = values[coarse][..., middle:]
    medians = np.array(
        [np.median(inside[shells == at]) for at in range(1, count) if (shells == at).sum() > 20]
    )
    reach = int(BENEATH_MM / SHELL_MM)
    return any(
        dark < DARK * min(medians[:at].max(), medians[at + 1 : at + 1 + reach].max())
        for at, dark in enumerate(medians[: int(DEEPEST_MM / SHELL_MM)])
        if 0 < at < len(medians) - 1
    )


def _dust(values: FloatArray, floor: float) -> int:
    """How many voxels that are not 0 but at most the floor lie away from brighter ones."""
    dim = (values != 0) & (np.abs(values) <= floor)
    if not dim.any():
        return 0
    near = ndimage.maximum_filter(np.abs(values) > floor, 2 * NEAR_VOXELS + 1)
    far = dim & ~near
    return int((far & ~ndimage.binary_fill_holes(near)).sum()) if far.any() else 0
