"""Pin the view at hand, and go back to a view in Explore."""

import streamlit as st

from pages.ui import compute, references
from pages.ui.prompt_choice import fields
from zsad_core import pins, prompt_sets, settings, views
from zsad_core.errors import ZsadError
from zsad_core.references import written
from zsad_core.views import View

PAGE = "pages/5_Failures.py"


def offer(view: View) -> None:
    """A button that opens title and note of a new pin, which keeps slice and threshold as shown."""
    with st.popover("Pin this view", icon=":material/keep:", width="stretch"):
        subject, number = view.map.features.slices.subject, view.index + 1
        st.caption(compute.plain(f"Slice {number} of {subject}, level {view.threshold.level}"))
        with st.form("pin", border=False, clear_on_submit=True):
            title = st.text_input("Title", placeholder=subject, max_chars=200)
            note = st.text_area("Note", placeholder="What fails here?", max_chars=2000)
            asked = st.form_submit_button("Pin", type="primary", width="stretch")
        if asked:
            _add(view, title, note)
        st.page_link(PAGE, label="See what is pinned", query_params={"failures": "Pins"})


def _add(view: View, title: str, note: str) -> None:
    try:
        dice = views.dice_of(compute.engine(), view)
        pins.add(pins.pin_of(view, title, note, dice=dice))
    except ZsadError as error:
        st.error(compute.plain(str(error)))
    else:
        st.success("Pinned.")


def choose(view: View) -> None:
    """Make a view the choice of every page; for callbacks, which run before widgets are drawn.

    Go to Explore afterwards.
    """
    spec, read, state = view.map, view.readout, st.session_state
    slices, prompts = spec.features.slices, spec.prompts
    roots = {root: name for name, root in settings.data_roots().items()}
    base = prompts.name.removesuffix(" (edited)")
    known = {**prompt_sets.shipped(), **prompt_sets.user_sets(settings.prompt_folder())}
    state.update(
        {
            "data": roots[slices.data],
            "subject": slices.subject,
            "modality": slices.modality,
            "method": spec.method,
            "setup": spec.setup,
            "prompts_of": spec.method,
            **fields(prompts),
            "rule": view.threshold.rule,
            "level": view.threshold.level,
            "empty": read.empty_slices,
            "brain": read.brain_only,
            "smallest": read.min_component_voxels,
            "centre": read.centre,
            references.KEY: list(map(written, spec.references)),
            "slice": view.index,
            "_go": True,
        }
    )
    if spec.volumes:
        state["set"] = list(spec.volumes)
    if base in known:
        state["prompts"] = base
