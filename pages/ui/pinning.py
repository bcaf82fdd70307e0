"""Pin the view at hand, and go back to a view in Explore."""

from typing import NoReturn

import streamlit as st

from pages.ui import compute, references, uploaded
from pages.ui.prompt_choice import fields
from zsad_core import methods, pins, prompt_sets, settings, views
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
    choose(view)
    compute.go(EXPLORE, **address(view))


def choose(view: View) -> None:
    """Make a view the choice of every page; where the sidebar is drawn, only in a callback.

    Go to Explore afterwards, with the `address`.
    """
    spec, read, state = view.map, view.readout, st.session_state
    prompts = spec.prompts
    base = prompts.name.removesuffix(" (edited)")
    known = {**prompt_sets.shipped(), **prompt_sets.user_sets(settings.prompt_folder())}
    state.update(
        {
            **_chosen(view),
            references.KEY: list(map(written, spec.references)),
            "level": view.threshold.level,
            "empty": read.empty_slices,
            "centre": read.centre,
            "slice": view.index,
            "_go": True,
        }
    )
    if methods.METHODS[spec.method].prompts:  # else the editor's texts are for other methods
        named = {"prompts": base} if base in known else {}
        state.update({"prompts_of": spec.method, **named, **fields(prompts)})
    for key, wanted, first in _defaulted(view):
        if state.get(key, first) != wanted:
            state.pop(key, None)  # then the address tells it


def address(view: View) -> dict[str, str | list[str]]:
    """What of a view the address tells, so that a reload shows it too."""
    told = {key: wanted for key, wanted, first in _defaulted(view) if wanted != first}
    words = {key: one if isinstance(one, list) else str(one).lower() for key, one in told.items()}
    return {**_chosen(view), "level": str(view.threshold.level), **words}


def _chosen(view: View) -> dict[str, str]:
    slices = view.map.features.slices
    return {
        "data": next(name for name, one in uploaded.roots().items() if one == slices.data),
        "subject": slices.subject,
        "modality": slices.modality,
        "method": view.map.method,
        "setup": view.map.setup,
        "rule": view.threshold.rule,
    }


def _defaulted(view: View) -> list[tuple[str, bool | int | list[str], object]]:
    """Key, value and default of the sidebar's widgets whose state may not be set from outside."""
    read, volumes = view.readout, list(view.map.volumes)
    found = [("brain", read.brain_only, True), ("smallest", read.min_component_voxels, 0)]
    return [*found, *([("set", volumes, [])] if volumes else [])]
