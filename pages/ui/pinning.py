"""Pin the view at hand, and go back to a view in Explore."""

from typing import NoReturn

import streamlit as st

from pages.ui import compute, references
from pages.ui.prompt_choice import fields
from zsad_core import pins, prompt_sets, settings, views
from zsad_core.errors import ZsadError
from zsad_core.references import written
from zsad_core.views import View

EXPLORE, PAGE = "pages/1_Explore.py", "pages/5_Failures.py"


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


def open_view(view: View) -> NoReturn:
    """Explore with the view as its choice; only where no widget of the sidebar is drawn yet."""
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
            **({"prompts": base} if base in known else {}),
            **fields(prompts),
            references.KEY: list(map(written, spec.references)),
            "rule": view.threshold.rule,
            "level": view.threshold.level,
            "empty": read.empty_slices,
            "centre": read.centre,
            "slice": view.index,
            "_go": True,
        }
    )
    # Widgets with a default take their value from the address alone.
    address: dict[str, str | list[str]] = {"level": str(view.threshold.level)}
    if not read.brain_only:
        address["brain"] = "false"
    if read.min_component_voxels:
        address["smallest"] = str(read.min_component_voxels)
    if spec.volumes:
        address["set"] = list(spec.volumes)
    for key in ("brain", "smallest", "set"):
        state.pop(key, None)
    compute.go(EXPLORE, **address)
