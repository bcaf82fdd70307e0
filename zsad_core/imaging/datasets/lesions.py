"""Synthetic metastases: drawn into a healthy brain in mm, so that spacing does not change them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zsad_core.imaging.datasets.anatomy import Anatomy, smooth
from zsad_core.types import ByteArray, FloatArray

NETC, SNFH, ET, RC = 1, 2, 3, 4
CORE_FROM_MM = 4.5  # smaller metastases enhance as a whole
OEDEMA_FROM_MM = 2.5
# Brightness against grey matter: of oedema, enhancing tumour and core, (low, high) of each.
LOOKS = {
    "t2f": ((1.30, 1.55), (1.15, 1.50), (0.75, 1.25)),
    "t2w": ((1.25, 1.50), (0.95, 1.25), (1.35, 1.65)),
    "t1c": ((0.80, 0.95), (1.90, 2.40), (0.45, 0.75)),
    "t1n": ((0.75, 0.90), (0.80, 0.95), (0.50, 0.75)),
}
PARTS = (SNFH, ET, NETC)


@dataclass(frozen=True)
class LesionPattern:
    """How many lesions, how large (log-normal radius in mm, cut), and whether one was resected."""

    count: tuple[int, int] = (3, 8)
    radius_mm: tuple[float, float] = (1.5, 14.0)
    median_mm: float = 5.0
    cavity: bool = False


def with_lesions(
    anatomy: Anatomy, seed: int, pattern: LesionPattern
) -> tuple[dict[str, FloatArray], ByteArray]:
    """Contrasts with lesions, and their labels (X, Y, Z): NETC 1, SNFH 2, ET 3, and RC 4.

    By the seed: often one below the tentorium, one near the vertex, one against the dura.
    """
    rng = np.random.default_rng([seed, 77])
    contrasts = {name: values.copy() for name, values in anatomy.contrasts.items()}
    grey = {name: float(np.median(v[anatomy.brain])) for name, v in contrasts.items()}
    labels = np.zeros(anatomy.brain.shape, np.uint8)
    count = int(rng.integers(pattern.count[0], pattern.count[1] + 1)) if pattern.count[1] else 0
    for number, centre in enumerate(_centres(rng, anatomy, count)):
        radius = float(np.clip(rng.lognormal(np.log(pattern.median_mm), 0.55), *pattern.radius_mm))
        cavity = pattern.cavity and number == 0
        lesion = (centre, 12.0 if cavity else radius, cavity)
        generator = np.random.default_rng([seed, 78, number])
        _draw(generator, anatomy, (contrasts, labels, grey), lesion)
    return contrasts, labels


def _centres(rng: np.random.Generator, anatomy: Anatomy, count: int) -> list[FloatArray]:
    """Centres in mm from the grid's corner; the first three by region, the rest anywhere."""
    step = max(round(4 / anatomy.spacing_mm), 1)
    coarse = anatomy.brain[::step, ::step, ::step]
    inside = ndimage.distance_transform_edt(coarse) * step * anatomy.spacing_mm
    extent = np.flatnonzero(coarse.any(axis=(0, 1)))
    height = (np.arange(coarse.shape[2]) - extent[0]) / max(extent[-1] - extent[0], 1)
    deep = inside > 6
    regions = [
        deep & (height < 0.25),
        deep & (height > 0.85),
        (inside > 2) & (inside < 6) & (height > 0.3),
        deep,
    ]
    order = [3, 0, 2, 1] if count > 3 else [3, 2, 0]
    centres: list[FloatArray] = []
    for number in range(count):
        region = regions[order[number] if number < len(order) else 3]
        candidates = np.argwhere(region) * step * anatomy.spacing_mm
        for _ in range(20):
            centre = candidates[rng.integers(len(candidates))] + rng.uniform(0, 4, 3)
            if all(np.linalg.norm(centre - other) > 22 for other in centres):
                break
        centres.append(centre)
    return centres


def _draw(
    rng: np.random.Generator,
    anatomy: Anatomy,
    canvas: tuple[dict[str, FloatArray], ByteArray, dict[str, float]],
    lesion: tuple[FloatArray, float, bool],
) -> None:
    contrasts, labels, grey = canvas
    centre, radius, cavity = lesion
    box, distance = _box(rng, anatomy, centre, radius)
    brain, white = anatomy.brain[box], anatomy.white[box]
    parts = _parts(rng, distance, radius, white)
    strength = rng.uniform(0.55, 1.0)
    for label, cover in zip(PARTS, parts, strict=True):
        solid = (cover > 0.5) & brain
        if label == SNFH:
            solid &= labels[box] == 0
        labels[box][solid] = label
    if cavity:
        labels[box][(parts[2] > 0.5) & brain] = RC
    for name, values in contrasts.items():
        view = values[box]
        for index, cover in enumerate(parts):
            low, high = LOOKS[name][index]
            level = grey[name] * (0.25 if cavity and index == 2 else rng.uniform(low, high))
            alpha = cover * brain * (1.0 if index == 2 else strength)
            texture = 1 + 0.05 * smooth(rng.normal(0, 1, (4, 4, 4)), view.shape)
            view[:] = view * (1 - alpha) + alpha * (0.85 * level * texture + 0.15 * view)


def _box(
    rng: np.random.Generator, anatomy: Anatomy, position: FloatArray, radius: float
) -> tuple[tuple[slice, ...], NDArray[np.float32]]:
    """The part of the grid around a lesion, and the wobbly distance in mm to its centre there."""
    reach = radius * 2.4 + 10
    wobble = rng.normal(0, 0.22, (5, 5, 5))
    stretch = rng.uniform(0.8, 1.2, 3)
    slices, offsets = [], []
    for centre, size in zip(position, anatomy.brain.shape, strict=True):
        first = max(int((centre - reach) / anatomy.spacing_mm), 0)
        last = min(int((centre + reach) / anatomy.spacing_mm) + 1, size)
        slices.append(slice(first, last))
        offsets.append((np.arange(first, last) * anatomy.spacing_mm - centre).astype(np.float32))
    grids = np.meshgrid(*offsets, indexing="ij", sparse=True)
    distance = np.sqrt(sum((g / s) ** 2 for g, s in zip(grids, stretch, strict=True)))
    return tuple(slices), distance * (1 + smooth(wobble, distance.shape))


def _parts(
    rng: np.random.Generator, distance: NDArray[np.float32], radius: float, white: FloatArray
) -> tuple[NDArray[np.float32], ...]:
    """Cover 0 … 1 of oedema, tumour and core; oedema keeps to white matter."""
    nothing = np.zeros_like(distance)
    oedema = core = nothing
    if radius > OEDEMA_FROM_MM:
        reach = radius * rng.uniform(1.3, 2.1) + 2
        oedema = _within(distance, reach, 2.5) * np.clip((white - 0.3) * 3, 0, 1)
    if radius > CORE_FROM_MM:
        core = _within(distance, radius * rng.uniform(0.55, 0.75), 1.0)
    return oedema, _within(distance, radius, 1.0), core


def _within(distance: NDArray[np.float32], radius: float, edge_mm: float) -> NDArray[np.float32]:
    return np.clip(0.5 + (radius - distance) / edge_mm, 0, 1).astype(np.float32)
