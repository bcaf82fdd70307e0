"""What is known of images, windows and patches of a batch, as facts for `captions.truth`."""

from dataclasses import dataclass, replace
from types import EllipsisType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zsad_core.training.captions import FACTS, NONE, UNKNOWN, Facts
from zsad_core.training.textures import TextureBank
from zsad_core.types import ByteArray, MaskArray

SHADE_BELOW, SHADE_ABOVE = (60, 170), (80, 195)  # mean brightness: dark | grey | white
DAMAGED_FROM = 0.25  # share of a patch that a defect must cover for the patch to count as damaged


Where = MaskArray | np.bool_ | EllipsisType
OF_DAMAGE = ("kind", "polarity", "size")


@dataclass(frozen=True)
class Pictures:
    """Images to learn from: images, inside (N, H, W); damage (N, H, W) bool; facts (N, F) of each.

    `facts` says what holds of the whole image and, but for the damage, of each part inside.
    """

    images: ByteArray
    inside: NDArray[np.bool_]
    damage: NDArray[np.bool_]
    facts: Facts


def of_textures(bank: TextureBank) -> Pictures:
    """Drawn surfaces: they show no brain, and their damage is exactly known."""
    facts = np.full((len(bank.images), len(FACTS)), NONE, np.int64)
    damaged = bank.kind >= 0
    _state(facts, brain=0, surface=bank.surface, tone=bank.tone, inside=1, shade=UNKNOWN)
    _state(facts, damaged=damaged, flawless=~damaged)
    _state(facts, kind=bank.kind, polarity=bank.polarity, size=bank.size)
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
    _state(facts, brain=1, contrast=contrast, inside=1, lesion=ill)
    _state(facts, **dict.fromkeys(("damaged", "flawless", *OF_DAMAGE, "shade"), UNKNOWN))
    marked = np.zeros(images.shape, bool) if lesion is None else lesion
    return Pictures(images, inside, marked, facts)


def cut(pictures: Pictures, chosen: NDArray[np.int64], top: int, left: int, side: int) -> Pictures:
    """A side x side piece of the chosen pictures, at one place."""
    rows, columns = slice(top, top + side), slice(left, left + side)
    damage = pictures.damage[chosen, rows, columns]
    facts = pictures.facts[chosen].copy()
    clear = ~damage.any(axis=(1, 2))
    _state_sound(facts, holds(facts, "damaged") & clear)
    _state(facts, holds(facts, "lesion") & clear, lesion=0)
    inside = pictures.inside[chosen, rows, columns]
    _state(facts, ~inside.any(axis=(1, 2)), inside=0)
    return Pictures(pictures.images[chosen, rows, columns], inside, damage, facts)


def brightened(pictures: Pictures, gain: NDArray[np.floating]) -> Pictures:
    """The pictures (N, H, W), each under its own gain (N,)."""
    images = np.clip(pictures.images * gain[:, None, None], 0, 255)
    return replace(pictures, images=images.astype(np.uint8))


def of_parts(pictures: Pictures, side: int) -> Facts:
    """Facts (N, R, C, F) of the parts of `side` pixels: patches, or windows of patches."""
    count, grid = len(pictures.images), pictures.images.shape[1] // side
    covered, inside, shade = (
        array.reshape(count, grid, side, grid, side).mean(axis=(2, 4))  # (N, R, C)
        for array in (pictures.damage, pictures.inside, pictures.images)
    )
    return with_shade(with_cover(pictures.facts[:, None, None], covered, inside), shade)


def with_cover(whole: Facts, covered: NDArray[np.floating], inside: NDArray[np.floating]) -> Facts:
    """Facts (…, F) of parts whose share `covered` (…) is damaged and `inside` (…) is object.

    A part that is touched by damage but not covered enough is unknown; a part across the outline
    is unknown as to what it shows.
    """
    facts = np.broadcast_to(whole, (*covered.shape, whole.shape[-1])).copy()
    brain, drawn = holds(facts, "brain"), holds(facts, "brain", 0)
    silent = brain & holds(facts, "lesion", UNKNOWN)
    _state(facts, silent, **dict.fromkeys(set(FACTS) - {"inside"}, UNKNOWN))
    clear, touched = covered == 0, (covered > 0) & (covered < DAMAGED_FROM)
    _state_sound(facts, clear & drawn)
    _state(facts, (covered >= DAMAGED_FROM) & drawn, flawless=0)
    _state(facts, clear & brain & ~silent, lesion=0)
    _state(facts, touched & drawn, **dict.fromkeys(("damaged", "flawless", *OF_DAMAGE), UNKNOWN))
    _state(facts, touched & brain, lesion=UNKNOWN)
    outside, partly = inside < 0.05, (inside >= 0.05) & (inside < 0.6)
    _state(facts, outside, brain=UNKNOWN, surface=NONE, tone=NONE, contrast=NONE, inside=0)
    _state(facts, partly, inside=UNKNOWN)
    return facts


def holds(facts: Facts, name: str, value: int = 1) -> NDArray[np.bool_]:
    """(…): of which regions, facts (…, F), the named fact has the value."""
    return facts[..., FACTS.index(name)] == value


def _state(facts: Facts, where: Where = ..., /, **values: ArrayLike) -> None:
    """Write values by the names of facts, in all or some of the regions (…, F)."""
    for name, value in values.items():
        facts[where, FACTS.index(name)] = value


def _state_sound(facts: Facts, where: Where) -> None:
    """Write that these regions are not damaged."""
    _state(facts, where, damaged=0, flawless=1, **dict.fromkeys(OF_DAMAGE, NONE))


def with_shade(facts: Facts, brightness: NDArray[np.floating]) -> Facts:
    """Facts (…, F) with the shade of drawn parts from their mean brightness (…), 0 … 255.

    A brightness between two shades leaves it unknown, and of a brain nothing is said.
    """
    shade = np.full(brightness.shape, UNKNOWN)
    lows, highs = (-1, *SHADE_ABOVE), (*SHADE_BELOW, 256)
    for number, (low, high) in enumerate(zip(lows, highs, strict=True)):
        shade[(brightness > low) & (brightness < high)] = number
    _state(facts, shade=np.where(holds(facts, "brain", 0), shade, UNKNOWN))
    return facts


def of_windows(
    pictures: Pictures,
    image: NDArray[np.int64],
    corner: tuple[NDArray[np.int64], NDArray[np.int64]],
    side: int,
) -> Facts:
    """Facts (M, F) of windows of `side` pixels: their picture (M,), their top and left (M,)."""
    corners = list(zip(image, *corner, strict=True))
    damage, inside, shade = (
        np.array([array[i, y : y + side, x : x + side].mean() for i, y, x in corners])
        for array in (pictures.damage, pictures.inside, pictures.images)
    )
    return with_shade(with_cover(pictures.facts[image], damage * 2, inside), shade)


def joined(parts: list[Pictures]) -> Pictures:
    """Several sets of pictures of one size as one."""
    arrays = ((part.images, part.inside, part.damage, part.facts) for part in parts)
    return Pictures(*map(np.concatenate, zip(*arrays, strict=True)))
