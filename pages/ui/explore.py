"""The Explore page's parts: the viewer with its map, and the numbers of the whole volume."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.ui import compare, compute, thresholds, volume_set
from pages.ui.scans import label_names, scan, slice_mm
from pages.ui.sidebar import EMPTY_SLICES, Choice
from pages.ui.solid import solid_figure
from pages.ui.viewer import ViewerMap, ViewerOptions, viewer
from zsad_core import pipeline, slicing
from zsad_core.evaluation import map_key
from zsad_core.jobs import Job
from zsad_core.readout import Readout, readout
from zsad_core.references import written
from zsad_core.scoring import predicted_mask
from zsad_core.types import AnomalyMap, MapSpec, ReadoutSpec, SliceStack, Threshold


def visible_slice(stack: SliceStack) -> int:
    """The slice last looked at, from the session or the address; else the largest lesion's."""
    asked = st.session_state.get("slice", st.query_params.get("slice"))
    if asked is not None and str(asked).isdigit():
        return min(int(asked), len(stack.image) - 1)
    area = (stack.brain if stack.truth is None or not stack.truth.any() else stack.truth).sum(
        (1, 2)
    )
    return int(np.argmax(area))


def explore(choice: Choice) -> None:
    """Viewer, then the readout of the volume; the whole map follows the visible slice."""
    stack = compute.stack(choice.map)
    index = visible_slice(stack)
    place = st.container()
    others = compare.compared(choice)
    anomaly, key, encoding = _map(choice.map, index)
    whole = anomaly if encoding is None else None
    threshold, validating = thresholds.threshold_of(choice, stack, whole)
    thresholds.remember(choice, threshold)
    maps, jobs = [(key, _shown(choice.map, anomaly, choice.label))], [encoding, validating]
    for name, spec in others.items():
        found, key, job = _map(spec, index)
        over = spec.features.slices != choice.map.features.slices
        maps.append((key, _shown(spec, found, name, over)))
        jobs.append(job)
    with place:
        _view(choice, stack, maps, (index, threshold))
    for running in jobs:
        if running is not None:
            compute.show_job(running)
    if whole is not None:
        numbers(choice, readout(stack, whole, compute.at_level(choice.readout, threshold.level)))
        _offer_solid(choice, compute.at_level(choice.readout, threshold.level))
        compute.make_rest_of_demo(choice.data)
    said = filter(None, map(volume_set.words, (choice.map, *others.values())))
    for words in dict.fromkeys(said):
        st.caption(compute.plain(words))
    _small_print(choice, threshold)


def _map(spec: MapSpec, index: int) -> tuple[AnomalyMap, str, Job | None]:
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


def _shown(spec: MapSpec, found: AnomalyMap, title: str, over: bool = False) -> ViewerMap:
    """The map for the viewer; over a scan of its own where that is not the one shown first."""
    slices, recipe = spec.features.slices, spec.features.recipe
    own = {"over": scan(slices), "window": compute.stack(spec).window} if over else {}
    return ViewerMap(found.levels, found.high, title, recipe.grid if recipe else 0, **own)


def _view(
    choice: Choice,
    stack: SliceStack,
    maps: Sequence[tuple[str, ViewerMap]],
    wanted: tuple[int, Threshold],
) -> None:
    index, threshold = wanted
    slices = choice.map.features.slices
    synthetic = " · synthetic" if choice.synthetic else ""
    original = compute.engine().volume(slices)
    options = ViewerOptions(
        slice=index,
        threshold=threshold.level,
        sequence=_jump((choice.subject.id, threshold)),
        brain_only=choice.readout.brain_only,
        smallest=choice.readout.min_component_voxels,
        empty_slices=choice.readout.empty_slices,
        voxel_ml=stack.voxel_ml,
        plane=slices.plane,
        pixel_mm=stack.pixel_mm,
        slice_mm=slice_mm(stack),
        affine=original.affine,
        window=stack.window,
        labels=label_names(slices),
        depth=tuple(slicing.depths(stack.brain, choice.readout.centre).tolist()),
        title=f"{choice.subject.id}{synthetic}",
        note=" ".join(original.notes),
    )
    volume_key, volume = scan(slices)
    state = viewer(volume, volume_key, maps, options=options, key="viewer")
    st.session_state["slice"] = state.slice
    st.query_params["slice"] = str(state.slice)
    if state.touched and state.threshold != threshold.level:
        thresholds.take(state.threshold)
        st.rerun()


def _jump(told: tuple[str, Threshold]) -> int:
    """A number that grows whenever Python, not the user's hand, moves slice or threshold."""
    subject, threshold = told
    state = st.session_state
    asked = (subject, threshold.level, threshold.rule)
    by_hand = threshold.rule == "fixed" and state.get("told", asked)[0] == subject
    if state.pop("_go", False) or (state.get("told") != asked and not by_hand):
        state["jump"] = state.get("jump", 0) + 1
    state["told"] = asked
    return state.get("jump", 0)


def numbers(choice: Choice, found: Readout) -> None:
    """The volume's numbers, each with its rule."""
    columns = st.columns(6)
    if found.dice_3d is not None:
        columns[0].metric("3D Dice", f"{found.dice_3d:.3f}")
        columns[1].metric(
            f"2D Dice, {found.mean_dice.slices_counted} slices",
            f"{found.mean_dice.value:.3f}",
            help=f"Mean over slices. Empty slices: {EMPTY_SLICES[choice.readout.empty_slices]}.",
        )
        columns[2].metric("Voxel AUROC (brain)", f"{found.auroc:.3f}")
        columns[3].metric("Best Dice (oracle)", f"{found.best_dice:.3f}")
        columns[4].metric("Truth", f"{found.truth_ml:.1f} ml")
    columns[5].metric("Predicted", f"{found.predicted_ml:.1f} ml")
    for note in found.notes:
        st.info(note)


def _offer_solid(choice: Choice, spec: ReadoutSpec) -> None:
    """The 3D view, made when it is asked for."""
    if st.toggle("3D view of brain, truth and prediction", key="solid"):
        with st.spinner("Making surfaces …"):
            figure = _solid(choice.map, spec)
        st.plotly_chart(figure, width="stretch", alt="Surfaces of brain, truth and prediction.")


@st.cache_resource(max_entries=3, show_spinner=False)
def _solid(spec: MapSpec, read: ReadoutSpec) -> go.Figure:
    volume, plane = compute.engine().volume(spec.features.slices), spec.features.slices.plane
    levels = compute.whole_map(spec).levels
    mask = predicted_mask(levels, compute.stack(spec).brain, read)
    found = slicing.to_voxels(mask, plane)
    return solid_figure(volume.brain, volume.truth, found, volume.affine)


def _small_print(choice: Choice, threshold: Threshold) -> None:
    features = choice.map.features
    high = pipeline.method_of(choice.map).high
    if normal := ", ".join(map(written, choice.map.references)):
        st.caption(f"Few-shot: compared with the normal slices {compute.plain(normal)}.")
    st.caption(
        f"Threshold {threshold.level / 255 * high:.3f} of 0 … {high:g} "
        f"(level {threshold.level} of 255; {threshold.rule}: {threshold.note}) · "
        f"{features.precision} on {compute.engine().device} · "
        f"empty slices: {EMPTY_SLICES[choice.readout.empty_slices]} · "
        f"mask {'inside the brain' if choice.readout.brain_only else 'anywhere'}"
    )
