"""Still pictures of one slice: the anomaly map in colour, and how it changed."""

import numpy as np
from numpy.typing import NDArray
from plotly.colors import sample_colorscale, unlabel_rgb

from zsad_core.types import ByteArray, FloatArray

GAINED, LOST = np.array((213, 94, 0)), np.array((0, 114, 178))


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
