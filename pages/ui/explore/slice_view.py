"""The Explore page's viewer: which slice and threshold it shows, and what a user sets there."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from pages.ui.explore.scans import scan
from pages.ui.explore.shown import options_of
from pages.ui.explore.title import turn
from pages.ui.shell import compute, session
from pages.ui.shell.keyboard import palette
from pages.ui.shell.sidebar import UserChoice
from pages.ui.viewer import viewer
from pages.ui.viewer.payload import ViewerMap
from zsad_core.exports.statement import in_a_line
from zsad_core.inference.views import View
from zsad_core.types import SliceStack, Threshold

VIEWER = "viewer"  # key of the component


def visible_slice(stack: SliceStack) -> int:
    """The slice last looked at, from the session or the address; else the largest lesion's."""
    index = session.SLICE.get()
    if index is not None:
        return min(index, len(stack.image) - 1)
    lesion = stack.truth if stack.truth is not None and stack.truth.any() else stack.brain
    return int(np.argmax(lesion.sum((1, 2))))


def slice_slider(stack: SliceStack, key: str) -> int:
    """A slider of the slice to look at, from the one last looked at; its index."""
    index = st.slider("Slice", 1, len(stack.image), visible_slice(stack) + 1, key=key) - 1
    session.SLICE.set(index)
    return index


def slice_view(choice: UserChoice, view: View, maps: Sequence[tuple[str, ViewerMap]]) -> int:
    """The viewer at a view; the index it shows. A threshold set there begins another run."""
    slices = choice.map.features.slices
    options = replace(
        options_of(view),
        sequence=_jump(choice.subject.id, view.threshold),
        palette=palette(),
        title=f"{choice.subject.id}{' · synthetic' if choice.synthetic else ''}",
        note=" ".join(compute.engine().volume(slices).notes),
        made=in_a_line(compute.engine(), view),
    )
    volume_key, volume = scan(slices)
    state = viewer(
        volume, volume_key, maps, options=options, key=VIEWER, turn=partial(turn, choice)
    )
    session.SLICE.set(state.slice)
    if state.touched and np.float32(state.threshold) != np.float32(view.threshold.value):
        session.set_threshold(state.threshold, maps[0][1].high)
        st.rerun()
    return state.slice


def _jump(subject: str, threshold: Threshold) -> int:
    """A number that grows whenever Python, not the user's hand, moves slice or threshold.

    The hand moved it where the value is what the viewer shows: not where it stands in for that of
    another rule, which is being computed.
    """
    current = (subject, threshold.value, threshold.rule)
    last, shown = session.LAST_VIEW.get(), session.VIEWER_STATE.of(VIEWER).get()
    same = shown is not None and np.float32(shown.threshold) == np.float32(threshold.value)
    by_hand = (last or current)[0] == subject and same
    if session.JUMP.pop() or (last != current and not by_hand):
        session.JUMPS.set(session.JUMPS.get() + 1)
    session.LAST_VIEW.set(current)
    return session.JUMPS.get()
