"""Still pictures of one slice: classes over the scan, and the anomaly map in colour."""

import numpy as np
from numpy.typing import NDArray
from plotly.colors import sample_colorscale, unlabel_rgb

from zsad_core.types import ByteArray, FloatArray, MaskArray

CLASSES = ((44, 190, 78), (230, 57, 53), (52, 120, 246))  # true, false positive, false negative
SAFE = ((0, 158, 115), (204, 121, 167), (86, 180, 233))  # of Okabe & Ito; the viewer's too
OPACITY = 0.55
GAINED, LOST = np.array((213, 94, 0)), np.array((0, 114, 178))


def classes(
    image: ByteArray, truth: MaskArray | None, predicted: MaskArray, safe: bool = False
) -> ByteArray:
    """(H, W, 3): true positive green, false positive red, false negative blue over the slice.

    `safe` takes green, pink and light blue, which colour-blind eyes tell apart.
    """
    truth = np.zeros_like(predicted) if truth is None else truth
    picture = np.repeat(image[..., None].astype(np.float32), 3, axis=2)  # (H, W, 3)
    masks = (truth & predicted, ~truth & predicted, truth & ~predicted)
    for mask, colour in zip(masks, SAFE if safe else CLASSES, strict=True):
        picture[mask] = (1 - OPACITY) * picture[mask] + OPACITY * np.array(colour)
    return picture.astype(np.uint8)


def heat(levels: ByteArray) -> ByteArray:
    """(H, W, 3): levels 0 … 255 in one fixed colour scale, never stretched to the slice."""
    return (_table() * 255).astype(np.uint8)[levels]


def difference(image: ByteArray, change: NDArray[np.int64], full: int = 64) -> ByteArray:
    """(H, W, 3): levels gained in orange and lost in blue over the slice, opaque at `full`."""
    picture = np.repeat(image[..., None].astype(np.float32), 3, axis=2)  # (H, W, 3)
    strength = np.clip(np.abs(change) / full, 0, 1)[..., None]
    colour = np.where(change[..., None] > 0, GAINED, LOST)
    return ((1 - strength) * picture + strength * colour).astype(np.uint8)


def _table() -> FloatArray:
    colours = sample_colorscale("Inferno", np.linspace(0, 1, 256).tolist())
    return np.array([unlabel_rgb(colour) for colour in colours]) / 255
