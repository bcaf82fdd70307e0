"""What is known of images, windows and patches of a batch, as facts for `captions.truth`."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsad_core.training.captions import FACTS, NONE, UNKNOWN, Facts
from zsad_core.training.textures import Bank
from zsad_core.types import ByteArray

SHADE_BELOW, SHADE_ABOVE = (60, 170), (80, 195)  # mean brightness: dark | grey | white
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
    facts = np.full((len(bank.images), len(FACTS)), NONE, np.int64)
    damaged = bank.kind >= 0
    known: dict[str, Any] = {
        "brain": 0, "surface": bank.surface, "tone": bank.tone, "damaged": damaged,
        "flawless": ~damaged, "kind": bank.kind, "polarity": bank.polarity, "size": bank.size,
        "inside": 1,
    }  # fmt: skip
    for name, value in known.items():
        facts[:, FACTS.index(name)] = value
    facts[:, FACTS.index("shade")] = UNKNOWN
    return Pictures(bank.images, bank.object, bank.defect > 0, facts)


def of_brains(
    images: ByteArray,
    inside: NDArray[np.bool_],
    contrast: NDArray[np.int64],
    lesion: NDArray[np.bool_] | None = None,
) -> Pictures:
    """Brain slices (N, H, W) of known contrast (N,), without lesion or with it marked (N, H, W).

    Whether generic words for damage, or for its absence, fit a brain is left open: nothing is
    taught of it. Without marks the captions speak of whole slices only, not of their parts.
    """
    facts = np.full((len(images), len(FACTS)), NONE, np.int64)
    ill = UNKNOWN if lesion is None else lesion.any(axis=(1, 2))
    known: dict[str, Any] = {"brain": 1, "contrast": contrast, "inside": 1, "lesion": ill}
    for name, value in known.items():
        facts[:, FACTS.index(name)] = value
    for name in ("damaged", "flawless", "kind", "polarity", "size", "shade"):
        facts[:, FACTS.index(name)] = UNKNOWN
    marked = np.zeros(images.shape, bool) if lesion is None else lesion
    return Pictures(images, inside, marked, facts)


def cut(pictures: Pictures, chosen: NDArray[np.int64], top: int, left: int, side: int) -> Pictures:
    """A side x side piece of the chosen pictures, at one place."""
    rows, columns = slice(top, top + side), slice(left, left + side)
    damage = pictures.damage[chosen, rows, columns]
    facts = pictures.facts[chosen].copy()
    clear = ~damage.any(axis=(1, 2))
    away = (facts[:, FACTS.index("damaged")] == 1) & clear
    healthy = {"damaged": 0, "flawless": 1, "kind": NONE, "polarity": NONE, "size": NONE}
    for name, value in healthy.items():
        facts[away, FACTS.index(name)] = value
    facts[(facts[:, FACTS.index("lesion")] == 1) & clear, FACTS.index("lesion")] = 0
    inside = pictures.inside[chosen, rows, columns]
    facts[~inside.any(axis=(1, 2)), FACTS.index("inside")] = 0
    return Pictures(pictures.images[chosen, rows, columns], inside, damage, facts)


def brightened(pictures: Pictures, gain: NDArray[np.floating]) -> Pictures:
    """The pictures (N, H, W), each under its own gain (N,)."""
    images = np.clip(pictures.images * gain[:, None, None], 0, 255)
    return replace(pictures, images=images.astype(np.uint8))


def of_parts(pictures: Pictures, side: int) -> Facts:
    """Facts (N, R, C, F) of the parts of `side` pixels: patches, or windows of patches."""
    count, grid = len(pictures.images), pictures.images.shape[1] // side
    shape = (count, grid, side, grid, side)
    covered = pictures.damage.reshape(shape).mean(axis=(2, 4))  # (N, R, C)
    inside = pictures.inside.reshape(shape).mean(axis=(2, 4))
    facts = with_cover(pictures.facts[:, None, None], covered, inside)
    return with_shade(facts, pictures.images.reshape(shape).mean(axis=(2, 4)))


def with_cover(whole: Facts, covered: NDArray[np.floating], inside: NDArray[np.floating]) -> Facts:
    """Facts (…, F) of parts whose share `covered` (…) is damaged and `inside` (…) is object.

    A part that is touched by damage but not covered enough is unknown; a part across the outline
    is unknown as to what it shows.
    """
    facts = np.broadcast_to(whole, (*covered.shape, whole.shape[-1])).copy()
    column = FACTS.index
    brain, drawn = (facts[..., column("brain")] == value for value in (1, 0))
    silent = brain & (facts[..., column("lesion")] == UNKNOWN)
    facts[silent] = np.where(np.arange(len(FACTS)) == column("inside"), facts[silent], UNKNOWN)
    clear, touched = covered == 0, (covered > 0) & (covered < DAMAGED_FROM)
    for name in ("kind", "polarity", "size"):
        facts[clear & drawn, column(name)] = NONE
    facts[clear & drawn, column("damaged")] = 0
    facts[clear & drawn, column("flawless")] = 1
    facts[(covered >= DAMAGED_FROM) & drawn, column("flawless")] = 0
    facts[clear & brain & ~silent, column("lesion")] = 0
    for name in ("damaged", "flawless", "kind", "polarity", "size"):
        facts[touched & drawn, column(name)] = UNKNOWN
    facts[touched & brain, column("lesion")] = UNKNOWN
    outside, partly = inside < 0.05, (inside >= 0.05) & (inside < 0.6)
    for name in ("brain", "surface", "tone", "contrast"):
        facts[outside, column(name)] = UNKNOWN if name == "brain" else NONE
    facts[outside, column("inside")] = 0
    facts[partly, column("inside")] = UNKNOWN
    return facts


def with_shade(facts: Facts, brightness: NDArray[np.floating]) -> Facts:
    """Facts (…, F) with the shade of drawn parts from their mean brightness (…), 0 … 255.

    A brightness between two shades leaves it unknown, and of a brain nothing is said.
    """
    shade = np.full(brightness.shape, UNKNOWN)
    lows, highs = (-1, *SHADE_ABOVE), (*SHADE_BELOW, 256)
    for number, (low, high) in enumerate(zip(lows, highs, strict=True)):
        shade[(brightness > low) & (brightness < high)] = number
    drawn = facts[..., FACTS.index("brain")] == 0
    facts[..., FACTS.index("shade")] = np.where(drawn, shade, UNKNOWN)
    return facts


def of_windows(
    pictures: Pictures,
    image: NDArray[np.int64],
    corner: tuple[NDArray[np.int64], NDArray[np.int64]],
    side: int,
) -> Facts:
    """Facts (M, F) of windows of `side` pixels: their picture (M,), their top and left (M,)."""
    corners = list(zip(image, *corner, strict=True))
    damage = [pictures.damage[i, y : y + side, x : x + side].mean() for i, y, x in corners]
    inside = [pictures.inside[i, y : y + side, x : x + side].mean() for i, y, x in corners]
    shade = [pictures.images[i, y : y + side, x : x + side].mean() for i, y, x in corners]
    facts = with_cover(pictures.facts[image], np.array(damage) * 2, np.array(inside))
    return with_shade(facts, np.array(shade))


def joined(parts: list[Pictures]) -> Pictures:
    """Several sets of pictures of one size as one."""
    return Pictures(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("images", "inside", "damage", "facts")
        )
    )
