"""What the viewer is given of a map and a view: the map or the visible slice of it, and options."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import streamlit as st

from pages.ui.explore.scans import label_names, scan, slice_mm
from pages.ui.shell import compute, exposure, session, volume_set
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import EMPTY_SLICES
from pages.ui.viewer.payload import ViewerMap, ViewerOptions
from zsad_core.base.jobs import Job
from zsad_core.imaging import slicing
from zsad_core.inference import pipeline, references
from zsad_core.inference.evaluation import map_key
from zsad_core.inference.sources import resolve
from zsad_core.inference.views import View
from zsad_core.metrics import levels
from zsad_core.metrics.readout import readout
from zsad_core.metrics.thresholds import oracle_threshold, threshold_text
from zsad_core.types import AnomalyMap, FloatArray, MapSpec, ReadoutSpec, read_only

MAPS = 32  # whose marks are remembered
MARKS = 100  # of each map, well under the 127 that fit


def map_of(spec: MapSpec, index: int) -> tuple[AnomalyMap, str, Job | None]:
    """The whole map, or the visible slice's alone while a job encodes the others.

    Where no slice has a map alone, none is shown until the job is done.
    """
    if compute.ready(spec):
        return compute.whole_map(spec), map_key(compute.engine(), spec), None
    stack, source = compute.stack(spec), resolve(compute.engine(), spec)
    alone = source.alone
    name = map_key(compute.engine(), spec) if alone else f"none of {spec.features.slices.subject}"
    values = np.zeros(stack.image.shape, np.float32)
    scores = np.full(len(values), np.nan, np.float32)
    if alone and stack.brain[index].any():
        with st.spinner("Encoding this slice …", show_time=True):
            values[[index]], scores[[index]] = pipeline.slice_maps(compute.engine(), spec, [index])
    shown = AnomalyMap(values, scores, source.method.high)
    return shown, f"{name}-{index}", compute.start_encoding(spec)


def viewer_map(
    spec: MapSpec,
    anomaly: AnomalyMap,
    key: str,
    cut: FloatArray,
    title: str = "",
    over: bool = False,
) -> tuple[str, ViewerMap]:
    """The map for the viewer, cut at thresholds (256,), with a key of its content.

    Over a scan of its own where that is not the one shown first.
    """
    slices, recipe = spec.features.slices, spec.features.recipe
    mapped, stack = ~np.isnan(anomaly.scores), compute.engine().stack(slices)
    whole = bool((mapped | ~stack.brain.any(axis=(1, 2))).all())
    auroc, ap = _ranked(key, spec, anomaly) if whole else (None, None)
    grid = recipe.grid if recipe else 0
    shown = ViewerMap(
        anomaly.values, cut, anomaly.high, title, grid, whole=whole, auroc=auroc, ap=ap
    )
    if over:
        shown = replace(shown, over=scan(slices), window=stack.window)
    return f"{key}-{hashlib.sha256(cut.tobytes()).hexdigest()[:12]}", shown


@st.cache_resource(max_entries=64, show_spinner=False)
def _ranked(key: str, _spec: MapSpec, _found: AnomalyMap) -> tuple[float | None, float | None]:
    """AUROC and AP of a whole map; None where a readout has none."""
    numbers = readout(compute.engine().stack(_spec.features.slices), _found, ReadoutSpec(0.0))
    return numbers.auroc, numbers.ap


def thresholds_of(
    spec: MapSpec, anomaly: AnomalyMap, key: str, marks: tuple[float, ...] = ()
) -> FloatArray:
    """(256,) thresholds that the viewer offers on a map: its own, the marks, and the oracle's.

    The newest marks of this map stay, so that what was sent is not sent again.
    """
    seen, current = session.MARKS.get(), [float(np.float32(mark)) for mark in marks]
    map_marks = seen.get(key, ())
    if not set(current) <= set(map_marks):
        earlier = [mark for mark in map_marks if mark not in current]
        map_marks = (*earlier, *dict.fromkeys(current))[-MARKS:]
    session.MARKS.set({**{k: seen[k] for k in [*seen][-MAPS:]}, key: map_marks})
    return _thresholds(key, map_marks, spec, anomaly)


@st.cache_resource(max_entries=24, show_spinner=False)
def _thresholds(
    key: str, marks: tuple[float, ...], _spec: MapSpec, _found: AnomalyMap
) -> FloatArray:
    stack, mapped = compute.engine().stack(_spec.features.slices), ~np.isnan(_found.scores)
    inside = stack.brain & mapped[:, None, None]
    whole = mapped.sum() == stack.brain.any(axis=(1, 2)).sum()
    if whole and stack.truth is not None and (stack.truth & stack.brain).any():
        marks = (*marks, oracle_threshold(_found.values, stack.brain, stack.truth))
    return read_only(levels.thresholds_of(_found.values[inside], marks))


def options_of(view: View) -> ViewerOptions:
    """How the viewer shows a view: its slice, threshold and readout, and the scan's measures."""
    slices = view.map.features.slices
    stack = compute.engine().stack(slices)
    return ViewerOptions(
        slice=view.index,
        threshold=view.threshold.value,
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
    )


def small_print(view: View) -> str:
    """Threshold and its rule, precision, device and what an empty slice counts."""
    features, read, threshold = view.map.features, view.readout, view.threshold
    high = pipeline.method_of(view.map).high
    return (
        f"Threshold {threshold_text(threshold.value)} of 0 … {high:g} "
        f"({threshold.rule}: {threshold.note}) · "
        f"{features.precision}, {compute.engine().device.upper()} · "
        f"empty slices: {EMPTY_SLICES[read.empty_slices]} · "
        f"mask {f'inside the {features.slices.data.region}' if read.brain_only else 'anywhere'}"
    )


def captions(view: View, others: Mapping[str, MapSpec]) -> None:
    """What must be said beside a view and other maps, by name: references, making, exposure."""
    specs = (view.map, *others.values())
    for words in dict.fromkeys([*map(volume_set.words, specs), few_shot(view.map)]):
        if words:
            st.caption(escape(words))
    st.caption(escape(small_print(view)))
    exposure.panel(view.map, view.threshold, others)


def few_shot(spec: MapSpec) -> str:
    """Which normal slices the map is compared with; "" where it is zero-shot."""
    normal = ", ".join(map(references.written, spec.references))
    return f"Few-shot: compared with the normal slices {normal}." if normal else ""
