"""The set of volumes that a method for whole volumes scores against: its picker, its words."""

import streamlit as st

from pages.ui.shell import session
from pages.ui.shell.markdown import escape
from zsad_core import methods
from zsad_core.base.wording import counted
from zsad_core.inference import pipeline, stored_cubes
from zsad_core.types import MapSpec, Subject


def pick(
    method: str, subjects: tuple[Subject, ...], shown: Subject, modality: str
) -> tuple[str, ...]:
    """Ids of the set, at first the data's usual one; none for a method that needs none."""
    if not methods.kind_of(method).compares:
        return ()
    usable = [s.id for s in subjects if not s.problem and modality in s.modalities]
    usual = pipeline.set_of(subjects, modality)
    chosen = session.REFERENCE_SET.get()
    volumes = list(usual if not chosen or set(chosen) - set(usable) else chosen)
    session.settle(session.REFERENCE_SET, volumes, "Reference set", (subjects, modality))
    picked = st.multiselect(
        "Reference set",
        usable,
        help="Scans of the same data and modality, of train unless chosen otherwise; no "
        "segmentation is read. Each subject is scored against the same set, itself excluded (now "
        f"{escape(shown.id)}).",
        **session.several(session.REFERENCE_SET),
    )
    others = [s for s in subjects if s.id in picked and s != shown]
    if beyond := [s.id for s in others if s.split not in ("", "train")]:
        st.warning(escape(f"Not of train, so numbers are exposed: {', '.join(beyond)}."))
    return tuple(picked)


def words(spec: MapSpec) -> str:
    """What the set makes of a result, to stand beside it; "" for a method without a set."""
    return _transductive(spec, stored_cubes.others(spec)) if spec.volumes else ""


def words_of_many(spec: MapSpec) -> str:
    """The same beside results of several subjects, some of whom may be in the set."""
    if not spec.volumes:
        return ""
    return f"{_transductive(spec, spec.volumes, 'each subject is ')}, itself excluded"


def _transductive(spec: MapSpec, volumes: tuple[str, ...], who: str = "") -> str:
    """What a result depends on; the title says that the method is our reading of others' idea."""
    title, count = methods.kind_of(spec.method).title, counted(len(volumes), "unlabelled volume")
    return f"{title} is transductive: {who}scored against {count}: {', '.join(volumes)}"
