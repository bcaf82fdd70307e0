"""The Explore page's parts: the viewer with its map, and the numbers of the whole volume."""

import numpy as np
import streamlit as st

from pages.ui import compute, thresholds, volume_set
from pages.ui.sidebar import EMPTY_SLICES, Choice
from pages.ui.viewer import ViewerMap, ViewerOptions, ViewerVolume, viewer
from zsad_core import pipeline, slicing
from zsad_core.evaluation import map_key
from zsad_core.jobs import Job
from zsad_core.readout import Readout, readout
from zsad_core.types import AnomalyMap, SliceStack, Threshold


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
    anomaly, key, encoding = _map(choice, stack, index)
    whole = anomaly if encoding is None else None
    threshold, validating = thresholds.threshold_of(choice, stack, whole)
    thresholds.remember(choice, threshold)
    _view(choice, stack, (anomaly, key), (index, threshold))
    for job in (encoding, validating):
        if job is not None:
            compute.show_job(job)
    if whole is not None:
        numbers(choice, readout(stack, whole, compute.at_level(choice.readout, threshold.level)))
        compute.make_rest_of_demo(choice.data)
    _small_print(choice, threshold)


def _map(choice: Choice, stack: SliceStack, index: int) -> tuple[AnomalyMap, str, Job | None]:
    """The whole map, or the visible slice's alone while a job encodes the others.

    Where no slice has a map alone, none is shown until the job is done.
    """
    if compute.ready(choice.map):
        return compute.whole_map(choice.map), map_key(compute.engine(), choice.map), None
    method = pipeline.method_of(choice.map)
    alone = not method.by_volume(len(choice.map.references))
    name = map_key(compute.engine(), choice.map) if alone else f"none of {choice.subject.id}"
    levels = np.zeros(stack.image.shape, np.uint8)
    scores = np.full(len(levels), np.nan, np.float32)
    if alone and stack.brain[index].any():
        with st.spinner("Encoding this slice …", show_time=True):
            levels[[index]], scores[[index]] = pipeline.slice_levels(
                compute.engine(), choice.map, [index]
            )
    shown = AnomalyMap(levels, scores, method.high)
    return shown, f"{name}-{index}", compute.start_encoding(choice.map)


def _view(
    choice: Choice,
    stack: SliceStack,
    anomaly: tuple[AnomalyMap, str],
    wanted: tuple[int, Threshold],
) -> None:
    index, threshold = wanted
    found, key = anomaly
    synthetic = " · synthetic" if choice.synthetic else ""
    options = ViewerOptions(
        slice=index,
        threshold=threshold.level,
        sequence=_jump((choice.subject.id, threshold)),
        brain_only=choice.readout.brain_only,
        smallest=choice.readout.min_component_voxels,
        empty_slices=choice.readout.empty_slices,
        voxel_ml=stack.voxel_ml,
        pixel_mm=stack.pixel_mm,
        depth=tuple(slicing.depths(stack.brain, choice.readout.centre).tolist()),
        title=f"{choice.subject.id}{synthetic}",
        note=" ".join(compute.engine().volume(choice.map.features.slices).notes),
    )
    volume = ViewerVolume(stack.image, stack.brain, stack.truth)
    slices = choice.map.features.slices
    volume_key = f"{compute.engine().volume(slices).digest}-{slices.modality}"
    shown = ViewerMap(found.levels, found.high, choice.label)
    state = viewer(volume, volume_key, [(key, shown)], options=options, key="viewer")
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


def _small_print(choice: Choice, threshold: Threshold) -> None:
    features = choice.map.features
    high = pipeline.method_of(choice.map).high
    if of_set := volume_set.words(choice.map):
        st.caption(f"{compute.plain(of_set)}.")
    st.caption(
        f"Threshold {threshold.level / 255 * high:.3f} of 0 … {high:g} "
        f"(level {threshold.level} of 255; {threshold.rule}: {threshold.note}) · "
        f"{features.precision} on {compute.engine().device} · "
        f"empty slices: {EMPTY_SLICES[choice.readout.empty_slices]} · "
        f"mask {'inside the brain' if choice.readout.brain_only else 'anywhere'}"
    )
