"""The lab's first section: texts on the left; on the right slice and volume, before and after."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui.explore.slice_view import visible_slice
from pages.ui.prompts import documents as prompt_documents
from pages.ui.prompts.others import others
from pages.ui.shell import compute, pictures, session, thresholds
from pages.ui.shell.keyboard import class_colours, palette
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import all_prompts
from pages.ui.shell.sidebar import UserChoice
from zsad_core.inference import evaluation, pipeline, thumbnails
from zsad_core.metrics.readout import Readout, readout
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.types import AnomalyMap, MapSpec, ReadoutSpec, SliceStack, Threshold
from zsad_core.workspace import history


def edit(choice: UserChoice) -> None:
    """The texts, and what they do on the slice and on the volume."""
    stack = compute.stack(choice.map)
    left, right = st.columns([2, 5], gap="large")
    with left:
        prompt_documents.documents(choice)
    with right:
        _before_and_after(choice, stack)


def _before_and_after(choice: UserChoice, stack: SliceStack) -> None:
    index = st.slider("Slice", 1, len(stack.image), visible_slice(stack) + 1, key="lab_slice") - 1
    session.SLICE.set(index)
    base = all_prompts()[session.PROMPTS.get()]
    old = evaluation.with_prompts(choice.map, base)
    ready = compute.ready(choice.map)
    whole = compute.whole_map(choice.map) if ready and choice.rule == "oracle" else None
    threshold, validating = thresholds.threshold_of(choice, stack, whole)
    thresholds.remember(choice, threshold)
    if ready:
        _numbers(choice, stack, (old, threshold))
    columns = st.columns(3)
    _scan(columns[0], stack, index)
    _slice(columns[1], f"before: {base.name}", old, (stack, index, threshold))
    _slice(columns[2], f"now: {choice.map.prompts.name}", choice.map, (stack, index, threshold))
    found, wrong, missed = class_colours()
    st.caption(
        f"Both masks at threshold {threshold_text(threshold.value)} ({threshold.rule}: "
        f"{threshold.note}). Top: anomaly map. Bottom: true positive {found}, false positive "
        f"{wrong}, false negative {missed}."
    )
    if not ready:
        compute.show_job(compute.start_encoding(choice.map))
    if validating is not None:
        compute.show_job(validating)
    elif threshold.rule == choice.rule:
        others(choice, old, threshold)


def _scan(column: st.delta_generator.DeltaGenerator, stack: SliceStack, index: int) -> None:
    pictures.show(column, pictures.grey(stack.image[index]), stack, f"slice {index + 1}")
    if stack.truth is not None:
        pictures.show(
            column, thumbnails.outlined(stack, index), stack, "outline of the ground truth"
        )


def _slice(
    column: st.delta_generator.DeltaGenerator,
    caption: str,
    spec: MapSpec,
    where: tuple[SliceStack, int, Threshold],
) -> None:
    stack, index, threshold = where
    values, scores = pipeline.slice_maps(compute.engine(), spec, [index])
    mask = predicted_mask(values, stack.brain[[index]], ReadoutSpec(threshold.value))[0]
    truth = None if stack.truth is None else stack.truth[index]
    found = thumbnails.classes(stack.image[index], truth, mask, palette())
    pictures.show(
        column,
        pictures.heat(values[0] / pipeline.method_of(spec).high),
        stack,
        escape(caption),
    )
    pictures.show(column, found, stack, f"slice score {scores[0]:.3f}")


def _numbers(choice: UserChoice, stack: SliceStack, other: tuple[MapSpec, Threshold]) -> None:
    old, threshold = other
    spec = replace(choice.readout, threshold=threshold.value)

    def read(which: MapSpec) -> Readout:
        anomaly: AnomalyMap = compute.whole_map(which)
        return readout(stack, anomaly, spec)

    now = read(choice.map)
    table = pd.DataFrame([_row("before", read(old)), _row("now", now)]).set_index("prompts")
    table.loc["change"] = table.loc["now"] - table.loc["before"]
    st.dataframe(table.style.format("{:.3f}", na_rep="–"), placeholder="–", width="stretch")
    _remember(choice, now, threshold, edited=choice.map.prompts != old.prompts)


def _remember(choice: UserChoice, now: Readout, threshold: Threshold, edited: bool) -> None:
    """What was shown goes into the history, once; a stand-in for another threshold does not."""
    if threshold.rule != choice.rule:
        return
    shown = (replace(choice.map.prompts, name=""), choice.map, threshold.value)
    if session.LAST_TRIAL.get() != shown:
        history.add(choice.map, now, threshold, edited)
        session.LAST_TRIAL.set(shown)


def _row(name: str, found: Readout) -> dict[str, object]:
    mean = np.nan if found.mean_dice is None else found.mean_dice.value
    return {
        "prompts": name,
        "3D Dice": _or_nan(found.dice_3d),
        "mean 2D Dice": mean,
        "voxel AUROC (brain)": _or_nan(found.auroc),
        "best Dice (oracle)": _or_nan(found.best_dice),
        "predicted ml": found.predicted_ml,
    }


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
