"""Values at patches for many texts at once: what a search asks of stored features.

A method whose map is, patch by patch, a function of the text says in its own file how that is
computed for many texts in one go; any other goes through its `maps`, text by text.
"""

from collections.abc import Callable

import numpy as np

from zsad_core.methods import Method
from zsad_core.methods.aaclip import method as aaclip
from zsad_core.methods.anomalyclip import method as anomalyclip
from zsad_core.methods.aprilgan import method as aprilgan
from zsad_core.methods.clipad import method as clipad
from zsad_core.methods.clipad_plus import method as clipad_plus
from zsad_core.methods.mvfa import method as mvfa
from zsad_core.methods.winclip import method as winclip
from zsad_core.types import FloatArray, Learned, MaskArray, Recipe, SliceFeatures

PatchValues = Callable[[SliceFeatures, MaskArray, FloatArray, Learned, Recipe], FloatArray]
AT_ONCE: dict[str, PatchValues] = {
    "winclip": winclip.patch_values,
    "aprilgan": aprilgan.patch_values,
    "anomalyclip": anomalyclip.patch_values,
    "mvfa": mvfa.patch_values,
    "clipad": clipad.patch_values,
    "clipad-plus": clipad_plus.patch_values,
    "aaclip": aaclip.patch_values,
}


def patch_values(
    method: Method,
    features: SliceFeatures,
    kept: MaskArray,
    texts: FloatArray,
    learned: Learned,
    recipe: Recipe,
) -> FloatArray:
    """(N, P) float32 in 0 … high: values at the kept patches (R, C) of one slice for N texts.

    `texts` are N times what the method's `texts` returns for that slice. Where the method says
    no faster way, a patch has the mean of the map over its pixels.
    """
    if method.name in AT_ONCE:
        return AT_ONCE[method.name](features, kept, texts, learned, recipe)
    found = []
    for text in texts:
        maps, _ = method.maps([features], kept[None], text, learned, recipe, ())
        found.append(_per_patch(maps[0], recipe.grid)[kept])
    return np.stack(found)


def _per_patch(values: FloatArray, grid: int) -> FloatArray:
    """Means (R, C) over the pixels of each patch of a map (S, S)."""
    side = len(values) // grid
    return np.asarray(values.reshape(grid, side, grid, side).mean(axis=(1, 3)))
