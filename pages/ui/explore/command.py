"""The command line that gives the numbers of a view."""

import shlex

import streamlit as st

from pages.ui.shell.prompt_choice import all_prompts
from zsad_core import methods
from zsad_core.inference.views import View
from zsad_core.prompts import sets as prompt_sets

FILE = "prompts.yaml"


def offer(view: View) -> None:
    """The command to copy, or why there is none."""
    with st.popover("Command", icon=":material/terminal:", width="stretch"):
        if without := why_none(view):
            st.info(f"No command gives these numbers: {without}.")
            return
        st.caption("Gives the numbers of this map at this threshold as rows in a folder.")
        st.code(command(view), language="bash", wrap_lines=True)


def why_none(view: View) -> str:
    """What of a view the command line has no option for; "" where it has all."""
    if view.map.features.slices.data.private:
        return "an uploaded scan lies in no folder of yours"
    if view.map.references:
        return "`evaluate` compares with no normal slices"
    return "" if view.readout.brain_only else "`evaluate` counts inside the brain only"


def command(view: View) -> str:
    """The `evaluate` command of a view; edited texts are written to a file first."""
    spec, slices = view.map, view.map.features.slices
    files = spec.method == methods.FILES
    options: dict[str, str] = {
        "--data": slices.data.root or slices.data.kind,
        **({"--kind": slices.data.kind} if slices.data.root else {}),
        "--modality": slices.modality,
        "--split": "all",
        "--subjects": slices.subject,
        "--methods": spec.setup if files else spec.method,
        **({} if files else {"--setups": spec.setup}),
        "--threshold": repr(view.threshold.value),
        "--min-component": str(view.readout.min_component_voxels),
        "--precision": spec.features.precision,
        "--out": "results",
    }
    before = ""
    if methods.kind_of(spec.method).prompts:
        known = all_prompts().get(spec.prompts.name) == spec.prompts
        options["--prompts"] = spec.prompts.name if known else FILE
        if not known:
            before = f"cat > {FILE} <<'END'\n{prompt_sets.as_yaml(spec.prompts)}END\n"
    words = [word for pair in options.items() for word in pair]
    return before + shlex.join(["python", "-m", "zsad_core", "evaluate", *words])
