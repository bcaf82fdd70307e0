"""Harness page for the viewer.

Query: size=big, maps=0 … 4, truth=0, smallest=N, lesions=2, slabs=1, own=1 (B lies over its own
scan), layers=names, long=1 (titles that need two lines).
"""

from dataclasses import replace

import numpy as np
import streamlit as st

from pages.ui.viewer import ViewerMap, ViewerOptions, ViewerVolume, blobs, viewer
from zsad_core.metrics import dice_3d
from zsad_core.scoring import predicted_mask
from zsad_core.types import ReadoutSpec


def small() -> tuple[ViewerVolume, np.ndarray]:
    """Slice k shines with 10 + 5 k; the Dice of slices 8 to 15 is 2/3 at 128 and 0.8 at 100."""
    image = np.zeros((40, 60, 50), np.uint8)
    brain = np.zeros(image.shape, bool)
    brain[2:38, 5:55, 5:45] = True
    image[brain] = np.broadcast_to((10 + 5 * np.arange(40))[:, None, None], image.shape)[brain]
    truth = np.zeros(image.shape, bool)
    truth[8:16, 20:30, 10:20] = True
    levels = np.where(brain, 30, 255).astype(np.uint8)
    levels[8:16, 20:30, 10:15] = 200
    levels[8:16, 20:30, 15:20] = 120
    levels[8:16, 40:45, 30:40] = 120
    labels = np.where(np.arange(50) < 15, 1, 2) * truth
    return ViewerVolume(image, brain, truth, labels.astype(np.uint8)), levels


def with_second_lesion(volume: ViewerVolume) -> ViewerVolume:
    """Another lesion, missed as a whole."""
    truth = volume.truth.copy()
    truth[25:31, 40:44, 30:34] = True
    return replace(volume, truth=truth)


def big() -> tuple[ViewerVolume, np.ndarray]:
    z, y, x = np.mgrid[-1:1:155j, -1:1:240j, -1:1:240j].astype(np.float32)
    brain = (z / 0.9) ** 2 + (y / 0.85) ** 2 + (x / 0.68) ** 2 < 1
    texture = 0.5 + 0.25 * np.sin(14 * x) * np.cos(11 * y + 5 * z) - 0.3 * (x**2 + y**2)
    lesion = np.exp(-(((x - 0.3) / 0.17) ** 2 + ((y + 0.2) / 0.2) ** 2 + ((z - 0.1) / 0.25) ** 2))
    noise = np.random.default_rng(0).normal(0, 0.05, brain.shape).astype(np.float32)
    image = np.where(brain, np.clip(texture + 0.5 * lesion + noise, 0, 1) * 255, 0)
    shifted = np.exp(
        -(((x - 0.25) / 0.2) ** 2 + ((y + 0.15) / 0.2) ** 2 + ((z - 0.12) / 0.22) ** 2)
    )
    false = 0.65 * np.exp(-(((x + 0.35) / 0.1) ** 2 + ((y - 0.4) / 0.1) ** 2 + (z / 0.2) ** 2))
    levels = np.clip(0.85 * shifted + false + 0.12 + 0.3 * noise, 0, 1) * 255
    volume = ViewerVolume(image.astype(np.uint8), brain, (lesion > 0.45) & brain)
    return volume, levels.astype(np.uint8)


@st.cache_resource
def phantom(size: str) -> tuple[ViewerVolume, np.ndarray]:
    return big() if size == "big" else small()


st.set_page_config(layout="wide")
query = st.query_params
size = query.get("size", "small")
volume, levels = phantom(size)
if query.get("truth") == "0":
    volume = ViewerVolume(volume.image, volume.brain)
if query.get("lesions") == "2":
    volume = with_second_lesion(volume)
blobs.SLAB_VOXELS = 30_000 if "slabs" in query else 16 * 2**20
own = (f"{size}-own", replace(volume, image=255 - volume.image)) if "own" in query else None
marks = "-".join(f"{name}={value}" for name, value in query.items())
named = "APRIL-GAN · demo" if size == "big" else ""
maps = [
    (f"A-{marks}", ViewerMap(levels, 1.0, named, 10)),
    (f"B-{marks}", ViewerMap((levels // 2).astype(np.uint8), 1.0, "WinCLIP · demo", 10, own)),
    (f"C-{marks}", ViewerMap((levels // 3).astype(np.uint8), 2.0, "Third", 10)),
    (f"D-{marks}", ViewerMap((levels // 4).astype(np.uint8), 2.0, "Fourth", 10)),
]
if "long" in query:
    names = ("first", "second", "third", "fourth")
    titles = [f"a method · prompts {name}" for name in names]
    maps = [
        (key, replace(one, title=title)) for (key, one), title in zip(maps, titles, strict=True)
    ]
smallest = int(query.get("smallest", "0"))
session = st.session_state
session.setdefault("jump", (None, None, 0))
st.sidebar.header("Harness")
if st.sidebar.button("Jump to 12"):
    session.jump = (12, None, session.jump[2] + 1)
if st.sidebar.button("Threshold 100"):
    session.jump = (None, 100, session.jump[2] + 1)
st.sidebar.button("Rerun")
count = len(volume.image)
wanted, threshold, sequence = session.jump
state = viewer(
    volume,
    f"volume-{marks}",
    maps[: int(query.get("maps", "1"))],
    options=ViewerOptions(
        slice=wanted,
        threshold=threshold,
        sequence=sequence,
        title="Phantom 001 · T2-FLAIR",
        slice_mm=2.0,
        affine=np.array([[1, 0, 0, -10], [0, 1, 0, -20], [0, 0, 2, -30]], np.float32),
        window=(0.0, 510.0),
        labels=((1, "core"), (2, "oedema")),
        depth=tuple(np.linspace(-1, 1, count)),
        smallest=smallest,
        layers=tuple(query.get("layers", "classes").split()),
        palette=query.get("palette", "classic"),
    ),
    key="viewer",
)
st.text(f"python slice={state.slice} threshold={state.threshold} touched={state.touched}")
if smallest:
    readout = ReadoutSpec(state.threshold, min_component_voxels=smallest)
    mask = predicted_mask(levels, volume.brain, readout)
    st.text(f"server dice={dice_3d(volume.truth, mask):.4f}")
