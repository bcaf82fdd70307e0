"""Explore at a view: every choice that makes it, as if the user had made them."""

from typing import NoReturn

import streamlit as st

from pages.ui import compute, prompt_choice, references
from pages.ui.thresholds import take
from zsad_core import methods
from zsad_core.references import written
from zsad_core.types import MapSpec
from zsad_core.views import View


def show(view: View) -> NoReturn:
    """Go to Explore at the view's slice, map and level; the level then is the slider's."""
    state, slices, read = st.session_state, view.map.features.slices, view.readout
    take(view.threshold.level)
    state["slice"], state["_go"] = view.index, True
    state["_asked"] = {
        "subject": slices.subject,
        "modality": slices.modality,
        "method": view.map.method,
        "setup": view.map.setup,
        **_inputs(view.map),
    }
    address = {"level": str(view.threshold.level)}
    for key, wanted in (("brain", read.brain_only), ("smallest", read.min_component_voxels)):
        if key in state:
            state["_asked"][key] = wanted
        else:  # of a widget that was never drawn nobody else writes it
            address[key] = str(wanted).lower()
    compute.go("pages/1_Explore.py", **address)


def _inputs(spec: MapSpec) -> dict[str, object]:
    """What the method reads beside the scan."""
    found: dict[str, object] = {}
    if methods.METHODS[spec.method].takes_references:
        found[references.KEY] = [written(one) for one in spec.references]
    if spec.volumes:
        found["set"] = list(spec.volumes)
    if methods.METHODS[spec.method].prompts:
        name = spec.prompts.name.removesuffix(" (edited)")
        found |= {**prompt_choice.fields(spec.prompts), "prompts": name, "prompts_of": spec.method}
    return found
