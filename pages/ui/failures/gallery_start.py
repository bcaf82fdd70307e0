"""The gallery before anything is evaluated: a small evaluation that finds first cases."""

from pathlib import Path

import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.cohort import run as cohort_run
from pages.ui.shell import session, visitors
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import usual_prompts
from pages.ui.shell.sidebar import CohortChoice, pick_modality, usual_method, usual_setup
from pages.ui.shell.user import home
from zsad_core import methods, setups
from zsad_core.base.paths import shortened
from zsad_core.base.wording import counted
from zsad_core.evaluation import choosing
from zsad_core.evaluation.tasks import Cohort
from zsad_core.metrics.threshold_rules import Oracle, Validation
from zsad_core.report.captions import DATA
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec

FIRST = 4  # subjects


def first_cases(choice: CohortChoice, root: Path) -> None:
    """Nothing is evaluated: what would be a quick start, what it takes, and its button."""
    data = DATA.get(choice.data.kind, choice.data.place)
    where = "" if choice.data.private else f" in {shortened(root)}"
    st.info(escape(f"No cases yet: no subject has been evaluated{where} ({data})."))
    if not visitors.may_operate():
        return
    st.subheader("Find the first cases")
    cohort = _small(choice, root)
    if cohort is None:
        st.warning("No usable subject with this modality has a segmentation to compare with.")
        return
    pairs = ((each.method, each.setup) for each in cohort.configurations)
    names = " and ".join(methods.configuration_name(*pair) for pair in pairs)
    st.write(
        f"Evaluate {escape(names)} on {counted(len(cohort.names), 'subject')}, in the background; "
        "cases appear here. The Cohort page evaluates more."
    )
    cohort_run.offer(cohort, timed=True)
    _watch(root, choice.data)


@st.fragment(run_every=2.0)
def _watch(root: Path, data: DataSpec) -> None:
    """Shows the first cases while the rest is evaluated."""
    groups = cohort_rows.comparison_groups(str(root), results.stamp(root))
    if any(group.may_hold(data) for group in groups):
        st.rerun()


def _small(choice: CohortChoice, root: Path) -> Cohort | None:
    """The method chosen last and the plain intensity, on the first test subjects."""
    modality = pick_modality(choice.data, choice.subjects)
    usable = [subject for subject in choice.subjects if subject.evaluable(modality)]
    chosen = [subject for subject in usable if subject.split == "test"] or usable
    if not chosen:
        return None
    held_out = any(subject.split == "validation" for subject in usable)
    last = _last_used(choice.data)
    pairs = dict.fromkeys([last, (methods.BASELINE, "zero-shot")])  # which reads no prompts
    texts, region = [usual_prompts(last[0])], choice.data.region
    configurations = choosing.configurations(pairs, texts, region, home())
    return Cohort(
        data=choice.data,
        configurations=configurations,
        out=root,
        names=tuple(subject.id for subject in chosen[:FIRST]),
        modality=modality,
        rules=(Validation.name if held_out else Oracle.name,),
        readout=choice.mask,
    )


def _last_used(data: DataSpec) -> tuple[str, str]:
    """Method and setup that other pages chose last, where these data have them."""
    method = session.METHOD.get()
    if not setups.available(method, data, home()):
        method = usual_method(data)
    names = [entry.setup for entry in setups.available(method, data, home())]
    setup = session.SETUP.get()
    return method, setup if setup in names else usual_setup(names)
