"""Why: each text's pull, how alike texts are, where two sets differ, lesion against healthy."""

import numpy as np
import streamlit as st

from pages.ui.explore.slice_view import slice_slider
from pages.ui.figures.charts import text_pull_figure
from pages.ui.prompts.charts import margin_figure, similarity_figure
from pages.ui.shell import compute, pictures
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import all_prompts, own_first
from pages.ui.shell.sidebar import UserChoice
from zsad_core.inference import evaluation, pipeline
from zsad_core.lab import prompt_checks
from zsad_core.types import MapSpec, SliceStack


def why(choice: UserChoice) -> None:
    """Four answers, about the slice last looked at."""
    stack = compute.stack(choice.map)
    index = slice_slider(stack, "why_slice")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Pull of each text")
        _pull(choice, index)
        st.subheader("Similarity of the texts")
        _similarity(choice.map)
    with right:
        st.subheader("Where two sets differ")
        _difference(choice, stack, index)
        st.subheader(f"Lesion against healthy {escape(choice.data.region)}")
        _margin(choice, stack)


def _pull(choice: UserChoice, index: int) -> None:
    pulls = pipeline.text_pulls(compute.engine(), choice.map, index)
    if not pulls:
        st.caption("This needs at least two texts on a side.")
        return
    labels, values = zip(*pulls, strict=True)
    st.plotly_chart(text_pull_figure(labels, values), key="pull")
    st.caption(
        f"Mean anomaly inside the {escape(choice.data.region)} of this slice with the text, minus "
        "the mean without it (leave one out)."
    )


def _similarity(spec: MapSpec) -> None:
    texts, cosines = prompt_checks.similarity(compute.engine(), spec)
    if not texts:
        st.caption("This method's texts depend on the slice, so they have no single similarity.")
        return
    st.plotly_chart(similarity_figure(texts, cosines), key="similarity")
    alike = prompt_checks.alikeness(compute.engine(), spec)
    st.caption(f"Cosine similarity, each text under all templates; of the two sides: {alike:.3f}.")


def _difference(choice: UserChoice, stack: SliceStack, index: int) -> None:
    sets = all_prompts()
    other = st.selectbox("Minus the map of", own_first(sets), key="why_other")
    specs = (choice.map, evaluation.with_prompts(choice.map, sets[other]))
    now, old = (pipeline.slice_maps(compute.engine(), spec, [index])[0][0] for spec in specs)
    high = pipeline.method_of(choice.map).high
    inside = np.where(stack.brain[index], now - old, 0)
    image, (left, right) = stack.image[index], st.columns(2)
    pictures.show(left, pictures.grey(image), stack, f"slice {index + 1}")
    difference = pictures.difference(image, inside / high)
    pictures.show(right, difference, stack, escape(f"this set minus {other}"))
    st.caption(
        "Orange: more anomalous with the current prompts; blue: less. Full colour at a quarter of "
        f"the range 0 … {high:g}; inside the {escape(choice.data.region)} from "
        f"{inside.min():+.3g} to {inside.max():+.3g}."
    )


def _margin(choice: UserChoice, stack: SliceStack) -> None:
    if stack.truth is None or not compute.ready(choice.map):
        st.caption("This needs a segmentation and the whole map.")
        return
    anomaly, brain, truth = compute.whole_map(choice.map), stack.brain, stack.truth
    healthy, lesion = (anomaly.values[brain & mask] for mask in (~truth, truth))
    st.plotly_chart(margin_figure(healthy, lesion, anomaly.high), key="margin")
    st.caption(
        f"Share of lesion and of healthy voxels of the {escape(choice.data.region)} at each value "
        "of the map; where the histograms overlap, no threshold separates lesion from healthy "
        "tissue."
    )
