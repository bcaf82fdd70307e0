"""The gallery before anything is evaluated: a small evaluation that finds first cases."""

from pathlib import Path

import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.cohort import run as cohort_run
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import all_prompts, usual_prompts
from pages.ui.shell.sidebar import UserChoice
from zsad_core import methods
from zsad_core.base.paths import shortened
from zsad_core.base.wording import counted
from zsad_core.evaluation.tasks import NO_PROMPTS, Cohort, Configuration
from zsad_core.metrics.threshold_rules import Oracle, Validation
from zsad_core.report.captions import DATA
from zsad_core.results import parquet as results
from zsad_core.types import ReadoutSpec

FIRST = 4  # subjects


def first_cases(choice: UserChoice, root: Path) -> None:
    """Nothing is evaluated: what would be a quick start, what it takes, and its button."""
    data = DATA.get(choice.data.kind, choice.data.place)
    where = "" if choice.data.private else f" in {shortened(root)}"
    st.info(escape(f"No subject of {data} has been evaluated{where} yet, so there are no cases."))
    cohort = _small(choice, root)
    if cohort is None:
        st.warning("No usable subject with this modality has a segmentation to compare with.")
        return
    names = " and ".join(f"{each.method} · {each.setup}" for each in cohort.configurations)
    st.subheader("Find the first cases")
    st.write(
        f"Evaluate {escape(names)} on {counted(len(cohort.names), 'subject')}, in the background; "
        "cases appear here. The Cohort page evaluates more."
    )
    cohort_run.offer(cohort, timed=True)
    _watch(root, choice.data.kind)


@st.fragment(run_every=2.0)
def _watch(root: Path, data: str) -> None:
    """Shows the first cases while the rest is evaluated."""
    groups = cohort_rows.comparison_groups(str(root), results.stamp(root))
    if any(one.data == data for one in groups):
        st.rerun()


def _small(choice: UserChoice, root: Path) -> Cohort | None:
    """The sidebar's method and the plain intensity, on the first test subjects."""
    modality = choice.map.features.slices.modality
    usable = [one for one in choice.subjects if one.evaluable(modality)]
    chosen = [one for one in usable if one.split == "test"] or usable
    if not chosen:
        return None
    held_out = any(one.split == "validation" for one in usable)
    pairs = dict.fromkeys([(choice.map.method, choice.map.setup), ("intensity", "zero-shot")])
    known = all_prompts()
    return Cohort(
        data=choice.data,
        configurations=tuple(
            Configuration(
                method,
                setup,
                known[usual_prompts(method)] if methods.kind_of(method).prompts else NO_PROMPTS,
            )
            for method, setup in pairs
        ),
        out=root,
        names=tuple(one.id for one in chosen[:FIRST]),
        modality=modality,
        rules=(Validation.name if held_out else Oracle.name,),
        readout=ReadoutSpec(
            brain_only=choice.readout.brain_only,
            min_component_voxels=choice.readout.min_component_voxels,
        ),
    )
