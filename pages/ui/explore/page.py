"""The Explore page's parts: the viewer with its map, and the numbers of the whole volume."""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.ui.explore import compare, pinning
from pages.ui.explore.scans import scan
from pages.ui.explore.shown import (
    few_shot,
    map_of,
    options_of,
    small_print,
    thresholds_of,
    viewer_map,
)
from pages.ui.explore.tour import tour
from pages.ui.figures.solid import solid_figure
from pages.ui.shell import compute, session, thresholds, volume_set
from pages.ui.shell.importing import imported
from pages.ui.shell.keyboard import palette
from pages.ui.shell.markdown import escape
from pages.ui.shell.sidebar import EMPTY_SLICES, UserChoice
from pages.ui.viewer import ViewerMap, viewer
from zsad_core.base.wording import counted
from zsad_core.exports.statement import in_a_line
from zsad_core.imaging import slicing
from zsad_core.inference.views import View
from zsad_core.metrics.readout import Readout, readout
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.types import MapSpec, ReadoutSpec, SliceStack, Threshold

SENT_S = 0.1  # until what was drawn so far has left for the browser


def visible_slice(stack: SliceStack) -> int:
    """The slice last looked at, from the session or the address; else the largest lesion's."""
    index = session.addressed_slice()
    if index is not None:
        return min(index, len(stack.image) - 1)
    area = (stack.brain if stack.truth is None or not stack.truth.any() else stack.truth).sum(
        (1, 2)
    )
    return int(np.argmax(area))


def explore(choice: UserChoice) -> None:
    """Viewer, then the readout of the volume; the whole map follows the visible slice."""
    tour()
    stack = compute.stack(choice.map)
    index = visible_slice(stack)
    place = st.container()
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    with left:
        others = compare.compared(choice)
    anomaly, key, encoding = map_of(choice.map, index)
    whole = anomaly if encoding is None else None
    threshold, validating = thresholds.threshold_of(choice, stack, whole)
    thresholds.remember(choice, threshold)
    cut = thresholds_of(choice.map, anomaly, key, (threshold.value,))
    maps, jobs = [viewer_map(choice.map, anomaly, key, choice.label, cut)], [encoding, validating]
    for name, spec in others.items():
        found, key, job = map_of(spec, index)
        over = spec.features.slices != choice.map.features.slices
        same_share = cut * np.float32(found.high / anomaly.high)
        maps.append(viewer_map(spec, found, key, name, same_share, over))
        jobs.append(job)
    with place:
        shown = _view(choice, maps, (index, threshold))
    view = View(choice.map, shown, threshold, choice.readout)
    with right:
        pinning.offer(view)
    for running in jobs:
        if running is not None:
            compute.show_job(running)
    if whole is not None:
        numbers(choice, readout(stack, whole, replace(choice.readout, threshold=threshold.value)))
        _offer_solid(choice, replace(choice.readout, threshold=threshold.value))
        _export(view)
        compute.make_rest_of_demo(choice.data)
    maps_said = (choice.map, *others.values())
    for words in dict.fromkeys([*map(volume_set.words, maps_said), few_shot(choice.map)]):
        if words:
            st.caption(escape(words))
    st.caption(escape(small_print(View(choice.map, index, threshold, choice.readout))))


def _export(view: View) -> None:
    """Drawing takes a second to import, which holds the interpreter: the numbers go out first."""
    if "pages.ui.explore.export" not in sys.modules:
        time.sleep(SENT_S)
    imported("pages.ui.explore.export").offer(view)


def _view(
    choice: UserChoice, maps: Sequence[tuple[str, ViewerMap]], wanted: tuple[int, Threshold]
) -> int:
    """The viewer; the slice that it shows. Another threshold than wanted begins another run."""
    slices, (index, threshold) = choice.map.features.slices, wanted
    shown = View(choice.map, index, threshold, choice.readout)
    options = options_of(
        shown,
        sequence=_jump(choice.subject.id, threshold),
        palette=palette(),
        title=f"{choice.subject.id}{' · synthetic' if choice.synthetic else ''}",
        note=" ".join(compute.engine().volume(slices).notes),
        made=in_a_line(compute.engine(), shown),
    )
    volume_key, volume = scan(slices)
    state = viewer(volume, volume_key, maps, options=options, key="viewer")
    session.SLICE.set(state.slice)
    st.query_params[session.SLICE.key] = str(state.slice)
    if state.touched and np.float32(state.threshold) != np.float32(threshold.value):
        session.set_threshold(state.threshold, maps[0][1].high)
        st.rerun()
    return state.slice


def _jump(subject: str, threshold: Threshold) -> int:
    """A number that grows whenever Python, not the user's hand, moves slice or threshold."""
    wanted = (subject, threshold.value, threshold.rule)
    last = session.LAST_VIEW.get()
    by_hand = threshold.rule == "fixed" and (last or wanted)[0] == subject
    if session.JUMP.pop() or (last != wanted and not by_hand):
        session.JUMPS.set(session.JUMPS.get() + 1)
    session.LAST_VIEW.set(wanted)
    return session.JUMPS.get()


def numbers(choice: UserChoice, found: Readout) -> None:
    """The volume's numbers, each with its rule."""
    columns = st.columns(6)
    if found.dice_3d is not None:
        columns[0].metric("3D Dice", f"{found.dice_3d:.3f}")
        columns[1].metric(
            f"2D Dice, {counted(found.mean_dice.slices_counted, 'slice')}",
            f"{found.mean_dice.value:.3f}",
            help=f"Mean over slices. Empty slices: {EMPTY_SLICES[choice.readout.empty_slices]}.",
        )
        if found.auroc is not None:  # a mask ranks nothing
            columns[2].metric("Voxel AUROC (brain)", f"{found.auroc:.3f}")
            columns[3].metric("Best Dice (oracle)", f"{found.best_dice:.3f}")
        columns[4].metric("Truth", f"{found.truth_ml:.1f} ml")
    columns[5].metric("Predicted", f"{found.predicted_ml:.1f} ml")
    for note in found.notes:
        st.info(note)


def _offer_solid(choice: UserChoice, spec: ReadoutSpec) -> None:
    """The 3D view, made when it is asked for."""
    if st.toggle("3D view of brain, truth and prediction", key="solid"):
        with st.spinner("Making surfaces …"):
            figure = _solid(choice.map, spec)
        st.plotly_chart(figure, width="stretch", alt="Surfaces of brain, truth and prediction.")


@st.cache_resource(max_entries=3, show_spinner=False)
def _solid(spec: MapSpec, read: ReadoutSpec) -> go.Figure:
    volume, plane = compute.engine().volume(spec.features.slices), spec.features.slices.plane
    values = compute.whole_map(spec).values
    mask = predicted_mask(values, compute.stack(spec).brain, read)
    found = slicing.to_voxels(mask, plane)
    return solid_figure(volume.brain, volume.truth, found, volume.affine)
