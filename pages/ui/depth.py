"""The Depth page's parts: Figure 3, live, for one subject and over all evaluated ones."""

import numpy as np
import streamlit as st

from pages.ui import compute
from pages.ui.charts import depth_figure, slice_figure
from pages.ui.sidebar import EMPTY_SLICES, Choice
from pages.ui.thresholds import threshold_of
from zsad_core import evaluation, metrics, pipeline, setups
from zsad_core.depth import DepthCurve, depth_curve
from zsad_core.evaluation import Evaluated
from zsad_core.types import MapSpec, Progress

SCOPES = ("this subject", "all evaluated subjects")


def depth(choice: Choice) -> None:
    """Lines for the chosen methods and setups; the scope says over whom."""
    if not choice.subject.has_truth:
        st.info(f"{choice.subject.id} has no segmentation, and Dice needs one.")
        return
    entries = {f"{m} · {s}": (m, s) for m, s in setups.SETUPS if _there(m, s)}
    left, right = st.columns([2, 3])
    scope = left.segmented_control("Over", SCOPES, default=SCOPES[0], key="scope", required=True)
    default = [label for label in (choice.label, "intensity · zero-shot") if label in entries]
    chosen = right.multiselect("Lines", list(entries), default=default, key="lines")
    specs = {
        label: pipeline.map_spec(
            compute.engine(), choice.map.features.slices, *entries[label], choice.map.prompts
        )
        for label in chosen
    }
    if scope == SCOPES[0]:
        _one(choice, specs)
    else:
        _all(choice, specs)
    st.caption(
        f"Depth −1 is the most inferior and +1 the most superior brain slice; 0 is the "
        f"{choice.readout.centre}. Empty slices: {EMPTY_SLICES[choice.readout.empty_slices]}."
    )


def _there(method: str, setup: str) -> bool:
    return not setups.missing(setups.SETUPS[method, setup])


def _level(choice: Choice, spec: MapSpec) -> int:
    """Each line at the threshold of the same rule; the rule is named under the chart."""
    stack = compute.stack(spec)
    own = evaluation.with_map(choice, spec)
    anomaly = compute.whole_map(spec) if choice.rule == "oracle" else None
    threshold, job = threshold_of(own, stack, anomaly)
    if job is not None:
        compute.show_job(job)
    return threshold.level


def _one(choice: Choice, specs: dict[str, MapSpec]) -> None:
    curves: dict[str, DepthCurve] = {}
    for label, spec in specs.items():
        if not compute.ready(spec):
            compute.show_job(compute.start_encoding(spec))
            continue
        found = evaluation.evaluate(compute.engine(), spec, choice.readout)
        curves[label] = _curve(choice, [found], _level(choice, spec))
    if not curves:
        return
    st.plotly_chart(depth_figure(curves), width="stretch", key="depth")


E
