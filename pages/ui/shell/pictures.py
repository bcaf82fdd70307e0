"""Still pictures of one slice: the anomaly map in colour, and how it changed."""

import numpy as np
import streamlit as st
from plotly.colors import sample_colorscale, unlabel_rgb
from streamlit.delta_generator import DeltaGenerator

from zsad_core.inference import thumbnails
from zsad_core.types import ByteArray, FloatArray, SliceStack

SIDE = 640  # pixels
GAINED, LOST = np.array((213, 94, 0)), np.array((0, 114, 178))


def show(column: DeltaGenerator, picture: ByteArray, stack: SliceStack, caption: str) -> None:
    """A slice's picture (H, W, 3) as wide as its column, cropped to the brain of the volume."""
    with column:
        draw(thumbnails.framed(picture, stack, SIDE), caption)


def draw(picture: ByteArray, caption: str | None = None) -> None:
    """A picture (H, W) or (H, W, 3) as wide as its place, sent along with the page.

    Streamlit serves pictures as files, and drops those of a run that a click cuts short before the
    browser has fetched them.
    """
    st.image(thumbnails.as_address(picture), caption=caption, width="stretch")


def grey(image: ByteArray) -> ByteArray:
    """(H, W, 3): the scan as it is."""
    return np.repeat(image[..., None], 3, axis=2)


def heat(share: FloatArray) -> ByteArray:
    """(H, W, 3): shares 0 … 1 of the range in one colour scale, never stretched to the slice."""
    colours = sample_colorscale("Inferno", np.linspace(0, 1, 256).tolist())
    table = np.array([unlabel_rgb(colour) for colour in colours]) / 255
    return (table * 255).astype(np.uint8)[np.rint(share * 255).astype(np.uint8)]


def difference(image: ByteArray, change: FloatArray, full: float = 0.25) -> ByteArray:
    """(H, W, 3): shares gained in orange and lost in blue over the slice, opaque at `full`."""
    picture = grey(image).astype(np.float32)
    strength = np.clip(np.abs(change) / full, 0, 1)[..., None]
    colour = np.where(change[..., None] > 0, GAINED, LOST)
    return ((1 - strength) * picture + strength * colour).astype(np.uint8)
