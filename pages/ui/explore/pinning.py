"""Pin the view at hand."""

from dataclasses import replace

import streamlit as st

from pages.ui.shell import compute, exposure, frame
from pages.ui.shell.markdown import escape
from pages.ui.shell.user import home, user
from zsad_core.inference import pipeline, views
from zsad_core.inference.views import View
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.workspace import pins

PAGE = "pages/5_Failures.py"
ICON = ":material/keep:"


def offer(view: View) -> None:
    """A button that opens title and note of a new pin, which keeps slice and threshold as shown."""
    if view.map.features.slices.data.private:
        why = f"Not available: {pins.PRIVATE}"
        st.button("Pin this view", disabled=True, help=why, icon=ICON, width="stretch")
        return
    with st.popover("Pin this view", icon=ICON, width="stretch", key="box-pin"):
        subject, threshold = view.map.features.slices.subject, threshold_text(view.threshold.value)
        st.caption(escape(f"Slice {view.index + 1} of {subject}, threshold {threshold}"))
        with st.form("pin", border=False, clear_on_submit=True):
            title = st.text_input("Title", placeholder=subject, max_chars=200)
            note = st.text_area("Note", placeholder="What fails here?", max_chars=2000)
            submitted = st.form_submit_button("Pin", type="primary", width="stretch")
        if submitted:
            _add(view, title, note)
        st.page_link(PAGE, label="Open pins", query_params={"failures": "Pins"})


def _add(view: View, title: str, note: str) -> None:
    with frame.of_click():
        dice = views.dice_of(compute.engine(), view)
        precision = pipeline.chosen_precision(compute.engine(), view.map)
        view = replace(view, map=exposure.with_edits(view.map))
        pin = pins.pin_of(view, title, note, dice=dice, owner=user(), precision=precision)
        pins.add(pin, home())
        st.toast(f"Pinned: {escape(pin.title)}")
