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
from pages.ui.shell.user import home, user
from zsad_core.base.jobs import Job
from zsad_core.inference import evaluation, pipeline, thumbnails
from zsad_core.metrics.readout import Readout, readout
from zsad_core.metrics.scoring import predicted_mask
from zsad_core.metrics.threshold_rules import MapRule, rule_of
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
    before, validating_before = _threshold(replace(choice, map=old), stack, ready)
    now, validating = _threshold(choice, stack, ready)
    thresholds.remember(choice, now)
    if ready:
        read = _numbers(choice, stack, (old, before), now)
        edited = choice.map.prompts != base
        _remember(choice, read, now, edited, known=validating is None)
    columns = st.columns(3)
    _scan(columns[0], stack, index)
    _slice(columns[1], f"before: {base.name}", old, (stack, index, before))
    _slice(columns[2], f"now: {choice.map.prompts.name}", choice.map, (stack, index, now))
    true, false, missed = class_colours()
    words = [
        f"{name} at threshold {threshold_text(own.value)} ({own.rule}: {own.note})"
        for name, own in (("Before", before), ("now", now))
    ]
    st.caption(
        escape(f"{'; '.join(words)}. ")
        + f"Top: anomaly map. Bottom: true positive {true}, false positive {false}, false "
        f"negative {missed}."
    )
    if not ready:
        compute.show_job(compute.start_encoding(choice.map))
    waiting = {id(job): job for job in (validating_before, validating) if job is not None}
    for job in waiting.values():
        compute.show_job(job)
    if not waiting and now.rule == choice.rule:
        others(choice, (old, before), now)


def _threshold(choice: UserChoice, stack: SliceStack, ready: bool) -> tuple[Threshold, Job | None]:
    """The threshold that the chosen rule gives these prompts."""
    whole = (
        compute.whole_map(choice.map)
        if ready and isinstance(rule_of(choice.rule), MapRule)
        else None
    )
    return thresholds.threshold_of(choice, stack, whole)


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


def _numbers(
    choice: UserChoice, stack: SliceStack, other: tuple[MapSpec, Threshold], threshold: Threshold
) -> Readout:
    """Both sets, each at its own threshold, and the numbers that depend on none."""

    def read(spec: MapSpec, at: Threshold) -> Readout:
        anomaly: AnomalyMap = compute.whole_map(spec)
        return readout(stack, anomaly, replace(choice.readout, threshold=at.value))

    now = read(choice.map, threshold)
    region = choice.data.region
    rows = [_row("before", read(*other), region), _row("now", now, region)]
    table = pd.DataFrame(rows).set_index("prompts")
    table.loc["change"] = table.loc["now"] - table.loc["before"]
    st.dataframe(table.style.format("{:.3f}", na_rep="–"), placeholder="–", width="stretch")
    return now


def _remember(
    choice: UserChoice, read: Readout, threshold: Threshold, edited: bool, known: bool
) -> None:
    """What was shown goes into the history at once, its Dice as soon as the threshold is known."""
    known = known and threshold.rule == choice.rule
    shown = (replace(choice.map.prompts, name=""), choice.map, threshold.value if known else None)
    if session.LAST_TRIAL.get() != shown:
        at = threshold if known else choice.rule
        history.add(choice.map, read, at, edited, owner=user(), home=home())
        session.LAST_TRIAL.set(shown)


def _row(name: str, read: Readout, region: str) -> dict[str, object]:
    mean = None if read.mean_dice is None else read.mean_dice.value
    return {
        "prompts": name,
        "threshold": read.threshold,
        "3D Dice": _or_nan(read.dice_3d),
        "best Dice (oracle)": _or_nan(read.best_dice),
        "AP": _or_nan(read.ap),
        f"voxel AUROC ({region})": _or_nan(read.auroc),
        "mean 2D Dice": _or_nan(mean),
        "predicted ml": read.predicted_ml,
    }


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
