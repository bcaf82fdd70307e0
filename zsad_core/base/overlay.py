"""Truth against prediction as colours over a slice: the one painter of thumbnails and exports.

The viewer paints the same classes and cues in the browser, from what `palette` says.
"""

import numpy as np
from scipy import ndimage

from zsad_core.base.palette import CLASSES, CUES, KINDS, RING, Classes, Kind
from zsad_core.types import ByteArray, FloatArray, MaskArray

OPACITY = 0.55


def class_masks(truth: MaskArray | None, predicted: MaskArray) -> dict[Kind, MaskArray]:
    """Where each class is, (H, W); without truth the prediction is a class of its own.

    >>> masks = class_masks(np.array([True, True, False]), np.array([True, False, True]))
    >>> {kind: mask.tolist() for kind, mask in masks.items()}
    {'tp': [True, False, False], 'fp': [False, False, True], 'fn': [False, True, False]}
    """
    if truth is None:
        return {"only": predicted}
    return {"tp": truth & predicted, "fp": predicted & ~truth, "fn": truth & ~predicted}


def overlay(
    truth: MaskArray | None, predicted: MaskArray, palette: Classes, outlines: bool = True
) -> tuple[ByteArray, FloatArray]:
    """Colours (H, W, 3) and opacities (H, W) in 0 … 1 of the classes.

    A class whose cue is a line has the border of its mask, one pixel wide. Without `outlines` it is
    left out, for a caller that draws sharper lines.

    >>> truth, none = np.array([[True]]), np.array([[False]])
    >>> [part.tolist() for part in overlay(truth, truth, "safe")]
    [[[[0, 158, 115]]], [[0.55]]]
    >>> overlay(truth, none, "safe", outlines=False)[1].tolist()
    [[0.0]]
    """
    colours, opacity = np.zeros((*predicted.shape, 3), np.uint8), np.zeros(predicted.shape)
    for kind, mask in class_masks(truth, predicted).items():
        at = KINDS.index(kind)
        cue, strength = CUES[palette][at], np.full(predicted.shape, OPACITY)
        if cue == "hatch":
            striped = np.indices(predicted.shape).sum(axis=0) % 4 < 2
            strength = np.where(striped, 1.5 * OPACITY, OPACITY / 4)
        elif cue == "line":
            mask = mask & ~ndimage.binary_erosion(mask) & outlines
            strength = np.ones(predicted.shape)
        colours[mask], opacity[mask] = CLASSES[palette][at], strength[mask]
    return colours, opacity


def over(image: ByteArray, colours: ByteArray, opacity: FloatArray) -> ByteArray:
    """A slice (H, W) under colours (H, W, 3) with their opacities (H, W): (H, W, 3).

    >>> over(np.uint8([[100]]), np.uint8([[[200, 0, 100]]]), np.array([[0.5]])).tolist()
    [[[150, 50, 100]]]
    """
    picture = np.repeat(image[..., None].astype(np.float32), 3, axis=2)  # (H, W, 3)
    picture += opacity[..., None] * (colours - picture)
    return picture.astype(np.uint8)


def rings(truth: MaskArray, predicted: MaskArray) -> MaskArray:
    """Rings (H, W) around the parts of the truth that share no pixel with the prediction.

    >>> truth = np.arange(13) == np.array([[6]])
    >>> np.flatnonzero(rings(truth, ~truth)).tolist(), rings(truth, truth).any().item()
    ([1, 2, 10, 11], False)
    """
    missed = missed_parts(truth, predicted)
    if not missed.any():
        return missed
    near, far = RING
    away = ndimage.distance_transform_edt(~missed)
    return (away >= near) & (away < far)


def missed_parts(truth: MaskArray, predicted: MaskArray) -> MaskArray:
    """The parts of the truth (H, W) that share no pixel with the prediction.

    >>> truth = np.array([[True, True, False, True]])
    >>> missed_parts(truth, np.array([[False, True, True, False]])).tolist()
    [[False, False, False, True]]
    """
    part, count = ndimage.label(truth, np.ones((3, 3)))
    hit = np.bincount(part[predicted], minlength=count + 1) > 0
    return truth & ~hit[part]
