"""What the viewer is given of a map and a view: the map or the visible slice of it, and options."""

import numpy as np
import streamlit as st

from pages.ui import compute
from pages.ui.scans import label_names, scan, slice_mm
from pages.ui.sidebar import EMPTY_SLICES
from pages.ui.viewer import ViewerMap, ViewerOptions
from zsad_core import pipeline, slicing
from zsad_core.evaluation import map_key
from zsad_core.jobs import Job
from zsad_core.references import written
from zsad_core.types import AnomalyMap, MapSpec
from zsad_core.views import View


def map_of(spec: MapSpec, index: int) -> tuple[AnomalyMap, str, Job | None]:
    """The whole map, or the visible slice's alone while a job encodes the others.

    Where no slice has a map alone, none is shown until the job is done.
    """
    if compute.ready(spec):
        return compute.whole_map(spec), map_key(compute.engine(), spec), None
    stack, method = compute.stack(spec), pipeline.method_of(spec)
    alone = not method.by_volume(len(spec.references))
    name = map_key(compute.engine(), spec) if alone else f"none of {spec.features.slices.subject}"
    levels = np.zeros(stack.image.shape, np.uint8)
    scores = np.full(len(levels), np.nan, np.float32)
    if alone and stack.brain[index].any():
        with st.spinner("Encoding this slice …", show_time=True):
            levels[[index]], scores[[index]] = pipeline.slice_levels(
                compute.engine(), spec, [index]
            )
    shown = AnomalyMap(levels, scores, method.high)
    return shown, f"{name}-{index}", compute.start_encoding(spec)


def viewer_map(
    spec: MapSpec, found: AnomalyMap, title: str, over: bool = False, whole: bool = True
) -> ViewerMap:
    """The map for the viewer; over a scan of its own where that is not the one shown first."""
    slices, recipe = spec.features.slices, spec.features.recipe
    own = {"over": scan(slices), "window": compute.stack(spec).window} if over else {}
    grid = recipe.grid if recipe else 0
    return ViewerMap(found.levels, found.high, title, grid, whole=whole, **own)


def options_of(view: View, **more: object) -> ViewerOptions:
    """How the viewer shows a view: its slice, threshold and readout, and the scan's measures."""
    slices = view.map.features.slices
    stack = compute.engine().stack(slices)
    return ViewerOptions(
        slice=view.index,
        threshold=view.threshold.level,
        brain_only=view.readout.brain_only,
        smallest=view.readout.min_component_voxels,
        empty_slices=view.readout.empty_slices,
        voxel_ml=stack.voxel_ml,
        plane=slices.plane,
        pixel_mm=stack.pixel_mm,
        slice_mm=slice_mm(stack),
        affine=compute.engine().volume(slices).affine,
        window=stack.window,
        labels=label_names(slices),
        depth=tuple(slicing.depths(stack.brain, view.readout.centre).tolist()),
        **more,
    )


def small_print(view: View) -> str:
    """Threshold and its rule, precision, device and what an empty slice counts."""
    features, read = view.map.features, view.readout
    high, level = pipeline.method_of(view.map).high, view.threshold.level
    return (
        f"Threshold {level / 255 * high:.3f} of 0 … {high:g} "
        f"(level {level} of 255; {view.threshold.rule}: {view.threshold.note}) · "
        f"{features.precision} on {compute.engine().device} · "
        f"empty slices: {EMPTY_SLICES[read.empty_slices]} · "
        f"mask {'inside the brain' if read.brain_only else 'anywhere'}"
    )


def few_shot(spec: MapSpec) -> str:
    """Which normal slices the map is compared with; "" where it is zero-shot."""
    normal = ", ".join(map(written, spec.references))
    return f"Few-shot: compared with the normal slices {normal}." if normal else ""
