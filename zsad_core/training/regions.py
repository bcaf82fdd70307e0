"""What is known of images, windows and patches of a batch, as facts for `captions.truth`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zsad_core.training.captions import FACTS, NONE, UNKNOWN, Facts
from zsad_core.training.textures import Bank
from zsad_core.types import ByteArray

DAMAGED_FROM = 0.25  # share of a patch that a defect must cover for the patch to count as damaged


@dataclass(frozen=True)
class Pictures:
    """Images to learn from: images, inside (N, H, W); damage (N, H, W) bool; facts (N, F) of each.

    `facts` says what holds of the whole image and, but for the damage, of each part inside.
    """

    images: ByteArray
    inside: NDArray[np.bool_]
    damage: NDArray[np.bool_]
    facts: Facts


def of_textures(bank: Bank) -> Pictures:
    """Drawn surfaces: they show no brain, and their damage is exactly known."""
    found = np.full((len(bank.images), len(FACTS)), NONE, np.int64)
    damaged = bank.kind >= 0
    known = {
        "brain": 0, "surface": bank.surface, "tone": bank.tone, "damaged": damaged,
        "flawless": ~damaged, "kind": bank.kind, "polarity": bank.polarity, "size": bank.size,
        "inside": 1,
    }  # fmt: skip
    for name, value in known.items():
        found[:, FACTS.index(name)] = value
    return Pictures(bank.images, bank.object, bank.defect > 0, found)


def of_brains(
    images: ByteArray,
    inside: NDArray[np.bool_],
    contrast: NDArray[np.int64],
    lesion: NDArray[np.bool_] | None = None,
) -> Pictures:
    """Brain slices (N, H, W) of known contrast (N,), without lesion or with it marked (N, H, W).

    Generic words for damage are refuted where a brain is healthy and left open where a lesion is;
    no generic sentence says that a brain is flawless.
    """
    found = np.full((len(images), len(FACTS)), NONE, np.int64)
    known = {"brain": 1, "damaged": 0, "flawless": UNKNOWN, "contrast": contrast, "inside": 1}
    for name, value in {**known, "lesion": 0}.items():
        found[:, FACTS.index(name)] = value
    if lesion is None:
        return Pictures(images, inside, np.zeros(images.shape, bool), found)
    ill = lesion.any(axis=(1, 2))
    for name in ("damaged", "kind", "polarity", "size"):
        found[ill, FACTS.index(name)] = UNKNOWN
    found[ill, FACTS.index("lesion")] = 1
    return Pictures(images, inside, lesion, found)


def cut(pictures: Pictures, chosen: NDArray[np.int64], top: int, left: int, side: int) -> Pictures:
    """A side x side piece of the chosen pictures, at one place."""
    rows, columns = slice(top, top + side), slice(left, left + side)
    damage = pictures.damage[chosen, rows, columns]
    facts = pictures.facts[chosen].copy()
    away = (facts[:, FACTS.index("damaged")] == 1) & ~damage.any(axis=(1, 2))
    ill = (facts[:, FACTS.index("lesion")] == 1) & ~damage.any(axis=(1, 2))
    healthy = {"damaged": 0, "kind": NONE, "polarity": NONE, "size": NONE}
    for name, value in healthy.items():
        facts[away | ill, FACTS.index(name)] = value
    facts[away, FACTS.index("flawless")] = 1
    facts[ill, FACTS.index("lesion")] = 0
    inside = pictures.inside[chosen, rows, columns]
    facts[~inside.any(axis=(1, 2)), FACTS.index("inside")] = 0
    return Pictures(pictures.images[chosen, rows, columns], inside, damage, facts)


def of_parts(pictures: Pictures, side: int) -> Facts:
    """Facts (N, R, C, F) of the parts of `side` pixels: patches, or windows of patches."""
    count, grid = len(pictures.images), pictures.images.shape[1] // side
    shape = (count, grid, side, grid, side)
    covered = pictures.damage.reshape(shape).mean(axis=(2, 4))  # (N, R, C)
    inside = pictures.inside.reshape(shape).mean(axis=(2, 4))
    return with_cover(pictures.facts[:, None, None], covered, inside)


def with_cover(whole: Facts, covered: NDArray[np.floating], inside: NDArray[np.floating]) -> Facts:
    """Facts (…, F) of parts whose share `covered` (…) is damaged and `inside` (…) is object.

    A part that is touched by damage but not covered enough is unknown; a part across the outline
    is unknown as to what it shows.
    """
    found = np.broadcast_to(whole, (*covered.shape, whole.shape[-1])).copy()
    column = FACTS.index
    clear, touched = covered == 0, (covered > 0) & (covered < DAMAGED_FROM)
    for name in ("kind", "polarity", "size"):
        found[clear, column(name)] = NONE
        found[touched, column(name)] = UNKNOWN
    drawn = found[..., column("brain")] == 0
    found[clear, column("damaged")] = 0
    found[clear & drawn, column("flawless")] = 1
    for name in ("damaged", "flawless"):
        found[touched, column(name)] = UNKNOWN
    found[(covered >= DAMAGED_FROM) & drawn, column("flawless")] = 0
    found[clear & ~drawn, column("lesion")] = 0
    found[touched & ~drawn, column("lesion")] = UNKNOWN
    outside, partly = inside < 0.05, (inside >= 0.05) & (inside < 0.6)
    for name in ("brain", "surface", "tone", "contrast"):
        found[outside, column(name)] = UNKNOWN if name == "brain" else NONE
    found[outside, column("inside")] = 0
    found[partly, column("inside")] = UNKNOWN
    return found


def of_windows(
    pictures: Pictures,
    image: NDArray[np.int64],
    corner: tuple[NDArray[np.int64], NDArray[np.int64]],
    side: int,
) -> Facts:
    """Facts (M, F) of windows of `side` pixels: their picture (M,), their top and left (M,)."""
    places = list(zip(image, *corner, strict=True))
    damage = [pictures.damage[i, y : y + side, x : x + side].mean() for i, y, x in places]
    inside = [pictures.inside[i, y : y + side, x : x + side].mean() for i, y, x in places]
    return with_cover(pictures.facts[image], np.array(damage) * 2, np.array(inside))


def joined(parts: list[Pictures]) -> Pictures:
    """Several sets of pictures of one size as one."""
    return Pictures(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("images", "inside", "damage", "facts")
        )
    )
