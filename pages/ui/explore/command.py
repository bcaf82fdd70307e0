"""The command line that gives the numbers of a view."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from pages.ui.shell.prompt_choice import all_prompts, is_private
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.imaging import datasets
from zsad_core.inference import pipeline
from zsad_core.inference.views import View
from zsad_core.prompts import sets as prompt_sets

FILE = "prompts.yaml"


def offer(view: View) -> None:
    """The command to copy, or why there is none."""
    with st.popover("Command", icon=":material/terminal:", width="stretch", key="box-command"):
        if without := why_none(view):
            st.info(f"No command gives these numbers: {without}.")
            return
        st.caption("Gives the numbers of this map at this threshold as rows in a folder.")
        st.code(command(view), language="bash", wrap_lines=True)


def why_none(view: View) -> str:
    """What of a view the command line has no option for; "" where it has all."""
    slices = view.map.features.slices
    if slices.data.private:
        return "an uploaded scan lies in no folder of yours"
    if view.map.references:
        return "`evaluate` compares with no normal slices"
    usual = pipeline.set_of(datasets.open_dataset(slices.data).subjects(), slices.modality)
    if view.map.home:
        return "the setup is yours alone, and commands read those of all users; publish it on Setup"
    own = view.map.volumes not in ((), usual)
    return "`evaluate` scores against the usual reference set alone" if own else ""


def command(view: View) -> str:
    """The `evaluate` command of a view; edited texts are written to a file first."""
    spec, slices, file = view.map, view.map.features.slices, ""
    prompts = spec.prompts
    kept = all_prompts().get(prompts.name) == prompts and not is_private(prompts.name)
    if prompts != prompt_sets.NO_PROMPTS and not kept:
        file = f"cat > {FILE} <<'END'\n{prompt_sets.as_yaml(prompts)}END\n"
        prompts = replace(prompts, name=FILE)
    from zsad_core.cli import evaluate  # what it imports is for whoever opens this

    cohort = Cohort(
        data=slices.data,
        configurations=(Configuration(spec.method, spec.setup, prompts),),
        out=Path("results"),
        names=(slices.subject,),
        modality=slices.modality,
        rules=(repr(view.threshold.value),),
        readout=view.readout,
        precision=spec.features.precision,
    )
    return file + evaluate.command(cohort)
