"""Explore at a view: every choice that makes it, as if the user had made them."""

from typing import NoReturn

import streamlit as st

from pages.ui.shell import compute, prompt_choice, references, uploaded
from pages.ui.shell.thresholds import take
from zsad_core import methods
from zsad_core.errors import DataError
from zsad_core.inference import pipeline
from zsad_core.inference.references import written
from zsad_core.inference.views import View
from zsad_core.types import MapSpec

EXPLORE = "pages/1_Explore.py"


def show(view: View) -> NoReturn:
    """Go to Explore at the view's slice, map and threshold; that then is the slider's.

    Raises DataError where the view's data are no longer among those to choose from.
    """
    state, read = st.session_state, view.readout
    told = {**_map(view.map), "brain": read.brain_only, "smallest": read.min_component_voxels}
    take(view.threshold.value, pipeline.method_of(view.map).high)
    state["slice"], state["_go"] = view.index, True
    means = {"empty": read.empty_slices, "centre": read.centre}
    state["_asked"] = {**told, **means, **_inputs(view.map)}
    told |= {"rule": "fixed", "threshold": repr(view.threshold.value)}
    # Of a widget that was never drawn nobody else writes the address.
    address = {key: one for key, one in told.items() if key == "threshold" or key not in state}
    words = {k: str(one).lower() if isinstance(one, int) else one for k, one in address.items()}
    compute.go(EXPLORE, **words)


def _map(spec: MapSpec) -> dict[str, object]:
    slices = spec.features.slices
    names = [name for name, one in uploaded.roots().items() if one == slices.data]
    if not names:
        raise DataError(
            f"The '{slices.data.kind}' data of {slices.subject} are no longer here; add them again "
            "on the Setup page."
        )
    found: dict[str, object] = {
        "data": names[0],
        "subject": slices.subject,
        "modality": slices.modality,
        "method": spec.method,
        "setup": spec.setup,
    }
    return found | ({"set": list(spec.volumes)} if spec.volumes else {})


def _inputs(spec: MapSpec) -> dict[str, object]:
    """What the method reads beside scan and set."""
    found: dict[str, object] = {}
    if methods.kind_of(spec.method).takes_references:
        found[references.KEY] = [written(one) for one in spec.references]
    if methods.kind_of(spec.method).prompts:
        name = spec.prompts.name.removesuffix(" (edited)")
        found |= {**prompt_choice.fields(spec.prompts), "prompts": name, "prompts_of": spec.method}
    return found
