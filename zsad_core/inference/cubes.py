"""Volumes as cubic tokens for a method for whole volumes, and the map that comes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from zsad_core.imaging import slicing
from zsad_core.inference import halving
from zsad_core.methods import VolumeMethod
from zsad_core.types import ByteArray, Cubes, FloatArray, MaskArray, Plane, Recipe

if TYPE_CHECKING:
    from zsad_core.backbones.tower import Tower


def layer_tokens(
    method: VolumeMethod,
    tower: Tower,
    recipe: Recipe,
    slices: ByteArray,
    retained: MaskArray,
) -> FloatArray:
    """Tokens (P, L, E) of one layer's retained cubes (R, C), from its slices (B, H, W); float16.

    Empty where no cube is retained.
    """
    if not retained.any():
        return np.zeros((0, len(recipe.taps), tower.info.width), np.float16)
    images = slices[method.chosen(len(slices))]
    parts = halving.encoded(
        lambda part: method.encode_layer(tower, images[part], recipe, retained), 0, len(images)
    )
    counts, means = zip(*parts, strict=True)
    return np.average(means, axis=0, weights=counts).astype(np.float16)


def cubes_of(
    retained: MaskArray, planes: Iterable[Plane], tokens: Callable[[Plane, int], FloatArray]
) -> Cubes:
    """A volume's retained cubes (G, G, G), from the tokens (P, L, E) of each plane's layers."""
    by_plane = []
    for plane in planes:
        layers = slicing.as_slices(retained, plane)  # (layers, R, C)
        filled = np.flatnonzero(layers.any(axis=(1, 2)))
        rows = np.concatenate([tokens(plane, int(index)) for index in filled])
        whole = np.zeros((*layers.shape, *rows.shape[1:]), rows.dtype)
        whole[layers] = rows
        by_plane.append(slicing.to_voxels(whole, plane)[retained])
    return Cubes(np.stack(by_plane, axis=1), np.argwhere(retained))


def volume_map(
    method: VolumeMethod,
    brain: MaskArray,
    retained: MaskArray,
    cubes: Cubes,
    others: Iterable[Cubes],
) -> FloatArray:
    """Map (X, Y, Z) of a volume, float32 in 0 … high, 0 outside its brain (X, Y, Z)."""
    return slicing.cubes_to_voxels(method.cube_scores(cubes, others), retained, brain)
