"""What has this number seen? The ledger of a map, warnings first."""

import streamlit as st

from pages.ui.shell.compute import engine
from pages.ui.shell.markdown import escape
from zsad_core.inference.ledger import ledger
from zsad_core.inference.sources import resolve
from zsad_core.types import MapSpec, Threshold

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


def panel(spec: MapSpec, threshold: Threshold) -> None:
    """Warnings for an exposed subject and known overlaps, and everything in an expander."""
    with st.spinner("Comparing scans …", show_time=True):
        seen = ledger(resolve(engine(), spec), threshold)
    if seen.exposed:
        words = escape(f"Exposed, so its numbers flatter: {', '.join(seen.exposed)}.")
        st.warning(words, icon=":material/visibility:")
    for overlap in seen.overlaps:
        st.warning(escape(f"Known overlap: {overlap}."), icon=":material/join_inner:")
    with st.expander(TITLE, key="box-exposure"):
        lines = (f"**{LABELS[name]}**: {escape(words)}" for name, words in seen.facts.items())
        st.markdown("  \n".join(lines))
