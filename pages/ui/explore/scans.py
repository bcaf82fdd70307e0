"""What the viewer is given of a scan: its slices, the truth's parts and their names, and a key."""

import numpy as np
import streamlit as st

from pages.ui.shell.compute import engine
from pages.ui.viewer.chunks import LABEL_MOST
from pages.ui.viewer.payload import ViewerVolume
from zsad_core.imaging import datasets, slicing
from zsad_core.types import ByteArray, SliceSpec, SliceStack, read_only


def scan(spec: SliceSpec) -> tuple[str, ViewerVolume]:
    """The scan for the viewer, with a key that changes whenever its content does."""
    stack = engine().stack(spec)
    key = f"{engine().volume(spec).digest}-{spec.modality}-{spec.plane}"
    return key, ViewerVolume(stack.image, stack.brain, stack.truth, labels(spec))


@st.cache_resource(max_entries=4, show_spinner=False)
def labels(spec: SliceSpec) -> ByteArray | None:
    """The label image as slices (S, H, W); None without one, or where it has a single part."""
    volume = engine().volume(spec)
    if volume.labels is None or volume.truth is None:
        return None
    inside = volume.labels[volume.truth]
    if len(np.unique(inside)) < 2 or inside.max() > LABEL_MOST:
        return None
    parts = np.where(volume.truth, volume.labels, np.uint8(0))
    return read_only(slicing.as_slices(parts, spec.plane))


@st.cache_resource(max_entries=4, show_spinner=False)
def label_names(spec: SliceSpec) -> tuple[tuple[int, str], ...]:
    """The parts that the truth has here, with their names where the data set gives them any."""
    parts = labels(spec)
    if parts is None:
        return ()
    known = datasets.open_dataset(spec.data).label_names
    values = np.unique(parts[parts > 0])
    return tuple((int(v), known.get(int(v), f"label {v}")) for v in values)


def slice_mm(stack: SliceStack) -> float:
    """The way from one slice to the next."""
    return stack.voxel_ml * 1000 / (stack.pixel_mm[0] * stack.pixel_mm[1])
