"""What has this number seen? The ledger of a map, warnings first."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import streamlit as st

from pages.ui.shell.compute import engine
from pages.ui.shell.markdown import escape
from pages.ui.shell.user import home
from zsad_core.inference.exposure import exposure
from zsad_core.inference.ledger import ledger
from zsad_core.inference.sources import resolve
from zsad_core.methods import kind_of
from zsad_core.types import MapSpec, Threshold
from zsad_core.workspace import history

TITLE = "What has this number seen?"
LABELS = {
    "split": "Split",
    "pretrained_on": "Backbone pretrained on",
    "trained_on": "Checkpoint trained on",
    "prompts_from": "Prompts",
    "threshold_from": "Threshold",
    "reference_slices_of": "Reference slices",
    "reference_set_of": "Reference set",
    "exposure": "Exposure of this subject",
    "known_overlaps": "Known overlaps of public data",
}


def with_edits(spec: MapSpec) -> MapSpec:
    """The map, its texts tuned also on the subjects in whose view they were edited, by History."""
    if not kind_of(spec.method).prompts:
        return spec
    content, texts = history.content_of(spec.prompts), spec.prompts
    trials = history.all_trials(spec.features.slices.data, home())
    edited_on = {each.subject for each in trials if each.by_hand and each.content == content}
    tuned_on = (*texts.tuned_on, *sorted(edited_on - {*texts.tuned_on}))
    return replace(spec, prompts=replace(texts, tuned_on=tuned_on))


def warn(maps: Iterable[tuple[str, MapSpec, Threshold]]) -> None:
    """A warning that names, beside the numbers of maps, those whose subject something has seen."""
    with st.spinner("Comparing scans …", show_time=True):
        tell({name: exposure(resolve(engine(), spec), at) for name, spec, at in maps})


def tell(exposed: Mapping[str, tuple[str, ...]]) -> None:
    """The same where it is known, by name, what has seen a subject."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, by in exposed.items():
        groups.setdefault(by, []).append(name)
    words = [f"{', '.join(names)} ({', '.join(by)})" for by, names in groups.items() if by]
    if words:
        text = escape(f"Exposed, so these numbers flatter: {'; '.join(words)}.")
        st.warning(text, icon=":material/visibility:")


def panel(spec: MapSpec, threshold: Threshold, beside: Mapping[str, MapSpec]) -> None:
    """Warnings for an exposed subject and known overlaps, and everything in an expander.

    Of the maps `beside`, by name, the warning alone.
    """
    with st.spinner("Comparing scans …", show_time=True):
        seen = ledger(resolve(engine(), with_edits(spec)), threshold)
    if seen.exposed:
        words = escape(f"Exposed, so its numbers flatter: {', '.join(seen.exposed)}.")
        st.warning(words, icon=":material/visibility:")
    if beside:
        warn((name, other, threshold) for name, other in beside.items())
    for overlap in seen.overlaps:
        st.warning(escape(f"Known overlap: {overlap}."), icon=":material/join_inner:")
    with st.expander(TITLE, key="box-exposure"):
        lines = (f"**{LABELS[name]}**: {escape(words)}" for name, words in seen.facts.items())
        st.markdown("  \n".join(lines))
