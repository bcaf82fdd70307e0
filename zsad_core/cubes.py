"""Volumes as cubic tokens for a method for whole volumes, and the map that comes of them."""

from collections.abc import Callable, Iterable

import numpy as np

from zsad_core import slicing
from zsad_core.backbones import Tower
from zsad_core.methods import VolumeMethod
from zsad_core.types import ByteArray, Cubes, FloatArray, MaskArray, Plane, Recipe


def layer_tokens(
    method: VolumeMethod,
    tower: Tower,
    recipe: Recipe,
    slices: ByteArray,
    kept: MaskArray,
) -> FloatArray:
    """Tokens (P, L, E) of one layer's kept cubes (R, C), from its slices (B, H, W); float16.

    Empty where no cube is kept.
    """
    if not kept.any():
        return np.zeros((0, len(recipe.taps), tower.info.width), np.float16)
    images = slices[method.chosen(len(slices))]
    return method.encode_layer(tower, images, recipe, kept).astype(np.float16)


def cubes_of(
    kept: MaskArray, planes: Iterable[Plane], tokens: Callable[[Plane, int], FloatArray]
) -> Cubes:
    """The kept cubes (G, G, G) of a volume, from the tokens (P, L, E) of each plane's layers."""
    found = []
    for plane in planes:
        there = slicing.as_slices(kept, plane)  # (layers, R, C)
        filled = np.flatnonzero(there.any(axis=(1, 2)))
        rows = np.concatenate([tokens(plane, int(index)) for index in filled])
        whole = np.zeros((*there.shape, *rows.shape[1:]), rows.dtype)
        whole[there] = rows
        found.append(slicing.to_voxels(whole, plane)[kept])
    return Cubes(np.stack(found, axis=1), np.argwhere(kept))


def volume_map(
    method: VolumeMethod, brain: MaskArray, kept: MaskArray, cubes: Cubes, others: Iterable[Cubes]
) -> tuple[FloatArray, FloatArray]:
    """Map (S, H, W) of the axial slices of a volume, 0 outside its brain (X, Y, Z).

    And its maximum in each slice, (S,), NaN in a slice without brain.
    """
    scores = method.cube_scores(cubes, others)
    values = slicing.as_slices(slicing.cubes_to_voxels(scores, kept, brain))
    filled = brain.any(axis=(0, 1))
    return values, np.where(filled, values.max(axis=(1, 2)), np.float32(np.nan))
