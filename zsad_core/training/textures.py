"""Drawn surfaces with drawn defects and exact masks, for the demo CLIP and `industrial`.

Nothing here knows of brains. Every image is a pure function of its seed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zsad_core.types import ByteArray, Progress

SURFACES = ("metal", "cloth", "wood", "stone", "paper", "plastic", "leather", "tile", "coral",
            "marble")  # fmt: skip
DEFECTS = ("spot", "ring", "scratch", "crack", "hole", "stain")
SIZES = ("tiny", "small", "large")
RADII = {"tiny": (1.5, 3.5), "small": (3.5, 8.0), "large": (8.0, 20.0)}
Field = NDArray[np.float32]


@dataclass(frozen=True)
class TextureBank:
    """Drawn images. All arrays are read by index; -1 stands for "none".

    images (N, H, W) uint8; defect (N, H, W) uint8, 0 or 1 + the defect's index in DEFECTS; object
    (N, H, W) bool, False on the background; surface, tone, kind, polarity, size (N,) int, indices
    into the tuples above (tone: 0 dark, 1 bright).
    """

    images: ByteArray
    defect: ByteArray
    object: NDArray[np.bool_]
    surface: NDArray[np.int64]
    tone: NDArray[np.int64]
    kind: NDArray[np.int64]
    polarity: NDArray[np.int64]
    size: NDArray[np.int64]


def bank(count: int, side: int, seed: int, progress: Progress | None = None) -> TextureBank:
    """`count` images of side x side pixels, about two in three with one to four like defects."""
    drawn = []
    for index in range(count):
        if progress:
            progress(index, count)
        drawn.append(_image(np.random.default_rng([seed, side, index]), side))
    images, masks, objects, facts = zip(*drawn, strict=True)
    surface, tone, kind, polarity, size = np.array(facts).T
    return TextureBank(
        np.stack(images), np.stack(masks), np.stack(objects), surface, tone, kind, polarity, size
    )


def _image(
    rng: np.random.Generator, side: int
) -> tuple[ByteArray, ByteArray, NDArray[np.bool_], tuple[int, ...]]:
    surface, tone = int(rng.integers(len(SURFACES))), int(rng.integers(2))
    middle = rng.uniform(45, 95) if tone == 0 else rng.uniform(130, 185)
    picture = middle + _surface(rng, SURFACES[surface], side) * rng.uniform(6, 26)
    inside = _outline(rng, side) if rng.random() < 0.55 else np.ones((side, side), bool)
    kind = polarity = size = -1
    mask = np.zeros((side, side), np.uint8)
    if rng.random() < 0.67:
        kind, polarity, size = (int(rng.integers(n)) for n in (len(DEFECTS), 2, len(SIZES)))
        if DEFECTS[kind] in ("ring", "stain") and size == 0:
            size = 1
        for _ in range(int(rng.integers(1, 5 if size < 2 else 3))):
            alpha = _defect(rng, DEFECTS[kind], SIZES[size], inside)
            picture = _lay_over(rng, picture, alpha, polarity, flat=DEFECTS[kind] == "hole")
            mask[alpha > 0.35] = kind + 1
    picture = np.where(inside, picture, rng.uniform(0, 12))
    picture = ndimage.gaussian_filter(picture, rng.uniform(0.2, 0.8))
    picture += rng.standard_normal((side, side)) * rng.uniform(0.5, 4) * inside
    mask[~inside] = 0
    of_defect = (kind, polarity, size) if mask.any() else (-1, -1, -1)
    return np.clip(picture, 0, 255).astype(np.uint8), mask, inside, (surface, tone, *of_defect)


def _noise(rng: np.random.Generator, side: int, scale: float, stretch: float = 1.0) -> Field:
    """Band-limited noise of unit variance with features of about `scale` pixels."""
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    fy = np.fft.fftfreq(side)[:, None] * scale
    fx = np.fft.rfftfreq(side)[None] * scale * stretch
    field = np.fft.irfft2(spectrum * np.exp(-((fy**2 + fx**2) * 6)), s=(side, side))
    return ((field - field.mean()) / (field.std() + 1e-9)).astype(np.float32)


def _surface(rng: np.random.Generator, name: str, side: int) -> Field:
    """Texture of about unit variance, (H, W)."""
    y, x = (axis.astype(np.float32) for axis in np.mgrid[:side, :side])
    angle = rng.uniform(0, np.pi)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    pitch = rng.uniform(5, 11)
    if name == "metal":
        return _noise(rng, side, 1.5, stretch=rng.uniform(8, 25))
    if name == "cloth":
        weave = np.sin(along * 6.28 / pitch) * np.sin(across * 6.28 / pitch) * 1.6
        return weave + 0.4 * _noise(rng, side, 2)
    if name == "wood":
        rings = np.sin((along + 6 * _noise(rng, side, 50)) * 6.28 / pitch) * 1.2
        return rings + 0.3 * _noise(rng, side, 2, 8)
    if name == "stone":
        return 0.7 * _noise(rng, side, 40) + 0.5 * (_noise(rng, side, 14) + _noise(rng, side, 4))
    if name == "paper":
        return 0.25 * _noise(rng, side, 2) + 0.2 * _noise(rng, side, 60)
    if name == "plastic":
        return 0.9 * _noise(rng, side, 80)
    if name == "leather":
        return np.asarray(0.6 - 1.5 * np.abs(_noise(rng, side, 7)), np.float32)
    if name == "tile":
        lines = (np.abs(x % (2.6 * pitch) - pitch) < 1) | (np.abs(y % (2.6 * pitch) - pitch) < 1)
        return np.where(lines, -1.8, 0.3).astype(np.float32) + 0.3 * _noise(rng, side, 6)
    if name == "marble":  # fields of two shades, parted by thin dark veins
        veins = np.abs(_noise(rng, side, rng.uniform(10, 24)))
        fields = np.where(_noise(rng, side, rng.uniform(12, 30)) > 0, 0.9, 0.1)
        return np.where(veins < 0.12, -3.5, fields).astype(np.float32) + 0.2 * _noise(rng, side, 3)
    folds = np.abs(_noise(rng, side, rng.uniform(8, 16)))  # coral: a labyrinth of folds
    return np.where(folds < 0.35, -1.6, 0.6).astype(np.float32) + 0.2 * _noise(rng, side, 3)


def _outline(rng: np.random.Generator, side: int) -> NDArray[np.bool_]:
    """A round, wobbly object that may be cut by the border."""
    y, x = np.mgrid[:side, :side] / side - rng.uniform(0.3, 0.7, (2, 1, 1))
    radius = np.hypot(x * rng.uniform(0.7, 1.3), y * rng.uniform(0.7, 1.3))
    return radius + 0.03 * _noise(rng, side, side / 4) < rng.uniform(0.3, 0.6)


def _defect(rng: np.random.Generator, name: str, size: str, inside: NDArray[np.bool_]) -> Field:
    """Opacity 0 … 1 of one defect, (H, W), centred somewhere on the object."""
    side = len(inside)
    pixels = np.argwhere(inside)
    cy, cx = pixels[rng.integers(len(pixels))] if len(pixels) else (side // 2, side // 2)
    radius = rng.uniform(*RADII[size])
    y, x = np.mgrid[:side, :side].astype(np.float32)
    if name in ("scratch", "crack"):
        return _line(rng, (float(cy), float(cx)), radius, side, straight=name == "scratch")
    angle, squash = rng.uniform(0, np.pi), rng.uniform(0.7, 1.0)
    u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    v = ((y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)) / squash
    wobble = 1 + (0.35 if name == "stain" else 0.12) * _noise(rng, side, max(radius, 4))
    distance = np.hypot(u, v) - radius * np.clip(wobble, 0.4, 1.8)
    edge = {"hole": 0.6, "spot": rng.uniform(0.6, 2.5), "ring": 0.8, "stain": 2.5}[name]
    if name == "ring":
        distance = np.abs(distance) - max(radius * 0.22, 1.0)
    return np.clip(0.5 - distance / (2 * edge), 0, 1).astype(np.float32)


def _line(
    rng: np.random.Generator, start: tuple[float, float], radius: float, side: int, straight: bool
) -> Field:
    """A scratch (straight) or a crack (wandering) of about three radii length."""
    steps = max(int(radius * 3), 5)
    turn = np.cumsum(rng.normal(0, 0.02 if straight else 0.45, steps))
    heading = rng.uniform(0, 2 * np.pi) + turn
    rows = np.rint(start[0] + np.cumsum(np.sin(heading))).astype(int)
    columns = np.rint(start[1] + np.cumsum(np.cos(heading))).astype(int)
    inside_image = (rows >= 0) & (rows < side) & (columns >= 0) & (columns < side)
    drawn = np.zeros((side, side), bool)
    drawn[rows[inside_image], columns[inside_image]] = True
    if not drawn.any():
        drawn[int(start[0]), int(start[1])] = True
    width = rng.uniform(0.7, 1.8)
    return np.clip(width + 0.5 - ndimage.distance_transform_edt(~drawn), 0, 1).astype(np.float32)


def _lay_over(
    rng: np.random.Generator, picture: Field, alpha: Field, polarity: int, flat: bool
) -> Field:
    """The picture with the defect: `flat` hides the surface, else it shines through."""
    if flat:
        value = rng.uniform(225, 255) if polarity else rng.uniform(0, 18)
        return picture * (1 - alpha) + value * alpha
    return picture + (1 if polarity else -1) * alpha * rng.uniform(35, 110)
