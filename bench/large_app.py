"""A page with a synthetic scan and two maps in the viewer, for the bench; `?small` is of 240 px."""

import numpy as np
import streamlit as st

from pages.ui.viewer import viewer
from pages.ui.viewer.payload import ViewerMap, ViewerOptions, ViewerVolume

THRESHOLDS = np.linspace(0, 1, 256, dtype=np.float32)
LARGE, SMALL = (400, 512, 512), (155, 240, 240)


@st.cache_resource
def phantom(shape: tuple[int, int, int]) -> tuple[ViewerVolume, list[np.ndarray]]:
    """A noisy ellipsoid with a lesion, and two smooth maps of it."""
    z, y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
    z, y = z[:, None, None], y[:, None]
    radius = (z / 0.9) ** 2 + (y / 0.85) ** 2 + (x / 0.7) ** 2
    lesion = ((z - 0.1) / 0.25) ** 2 + ((y + 0.2) / 0.2) ** 2 + ((x - 0.3) / 0.17) ** 2
    brain, truth = radius < 1, lesion < 1
    noise = np.random.default_rng(0).integers(90, 150, shape, np.uint8)
    image = np.where(brain, noise + 60 * truth.astype(np.uint8), 0).astype(np.uint8)
    maps = [0.8 * np.exp(-lesion / k) + np.float32(0.08) * brain for k in (1, 3)]
    return ViewerVolume(image, brain, truth), maps


st.set_page_config(layout="wide")
shape = SMALL if "small" in st.query_params else LARGE
volume, maps = phantom(shape)
if not st.toggle("Show"):
    st.stop()
name = " x ".join(map(str, shape[::-1]))
viewer(
    volume,
    name,
    [(f"{name}-{i}", ViewerMap(x, THRESHOLDS, 1.0, f"map {i}")) for i, x in enumerate(maps)],
    options=ViewerOptions(slice=shape[0] // 2, layers=("classes", "map"), title=name),
    key="viewer",
)
