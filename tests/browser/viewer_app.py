"""Harness page for the viewer.

Query: size=big or saturated, maps=0 … 4, truth=0 or empty, smallest=N, lesions=2, slabs=1, own=1
(B lies over its own scan), layers=names, long=1 (titles that need two lines), rule=name of what a
slice without lesion counts.
"""

from dataclasses import replace

import numpy as np
import streamlit as st

from pages.ui.viewer import ViewerMap, ViewerOptions, ViewerVolume, chunks, viewer
from tests.helpers.phantoms import PHANTOMS, Phantom, other_grid, with_second_lesion
from zsad_core.metrics.dice import dice_3d
from zsad_core.metrics.scoring import without_small


@st.cache_resource
def phantom(size: str) -> Phantom:
    return PHANTOMS[size]()


def shown(part: float, high: float, title: str, over: object = None) -> ViewerMap:
    """The phantom's map, of which a part is left, in a range of 0 to `high`."""
    values = (found.values * np.float32(part)) * np.float32(high)
    grid = thresholds * np.float32(high)
    return ViewerMap(values, grid, high, title, 10, over)


st.set_page_config(layout="wide")
query = st.query_params
size = query.get("size", "small")
found = phantom(size)
volume, thresholds = found.volume, found.thresholds
if query.get("truth") == "0":
    volume = ViewerVolume(volume.image, volume.brain)
if query.get("truth") == "empty":
    volume = replace(volume, truth=np.zeros_like(volume.brain))
if query.get("lesions") == "2":
    volume = with_second_lesion(volume)
chunks.SLAB_VOXELS = 30_000 if "slabs" in query else 16 * 2**20
own = (f"{size}-own", replace(volume, image=255 - volume.image)) if "own" in query else None
smallest = int(query.get("smallest", "0"))
session = st.session_state
session.setdefault("jump", (None, None, 0))
st.sidebar.header("Harness")
if st.sidebar.button("Jump to 12"):
    session.jump = (12, None, session.jump[2] + 1)
if st.sidebar.button("Threshold 100"):
    session.jump = (None, float(thresholds[100]), session.jump[2] + 1)
st.sidebar.button("Rerun")
other = st.sidebar.toggle("Other grid")
if other:
    thresholds = other_grid(thresholds)
marks = "-".join(f"{name}={value}" for name, value in query.items())
maps = [
    (f"A-{marks}-{other}", shown(1, 1.0, "APRIL-GAN · demo" if size == "big" else "")),
    (f"B-{marks}-{other}", shown(1 / 2, 1.0, "WinCLIP · demo", own)),
    (f"C-{marks}-{other}", shown(1 / 3, 2.0, "Third")),
    (f"D-{marks}-{other}", shown(1 / 4, 2.0, "Fourth")),
]
if "long" in query:
    names = ("first", "second", "third", "fourth")
    titles = [f"a method · prompts {name}" for name in names]
    maps = [
        (key, replace(one, title=title)) for (key, one), title in zip(maps, titles, strict=True)
    ]
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
        empty_slices=query.get("rule", "lesion_only"),
        layers=tuple(query.get("layers", "classes").split()),
        palette=query.get("palette", "classic"),
    ),
    key="viewer",
)
st.text(f"python slice={state.slice} threshold={state.threshold:.4f} touched={state.touched}")
if smallest:
    mask = (found.values >= np.float32(state.threshold)) & volume.brain
    mask = without_small(mask, smallest)
    dice = dice_3d(volume.truth.sum(), mask.sum(), (mask & volume.truth).sum())
    st.text(f"server dice={dice:.4f}")
