"""The lab's first section: texts on the left; on the right slice and volume, before and after."""

from dataclasses import replace

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.explore.slice_view import slice_slider
from pages.ui.prompts.documents import documents
from pages.ui.prompts.others import or_nan, others
from pages.ui.shell import compute, exposure, pictures, session, thresholds
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
from zsad_core.types import MapSpec, ReadoutSpec, SliceStack, Threshold
from zsad_core.workspace import history


def edit(choice: UserChoice) -> None:
    """The texts, and what they do on the slice and on the volume."""
    stack = compute.stack(choice.map)
    left, right = st.columns([2, 5], gap="large")
    with left:
        documents(choice)
    with right:
        _before_and_after(choice, stack)


def _before_and_after(choice: UserChoice, stack: SliceStack) -> None:
    index = slice_slider(stack, "lab_slice")
    base = all_prompts()[session.PROMPTS.get()]
    old = evaluation.with_prompts(choice.map, base)
    unready = next((spec for spec in (old, choice.map) if not compute.ready(spec)), None)
    ready = unready is None
    before, validating_before = _threshold(replace(choice, map=old), stack, ready)
    now, validating = _threshold(choice, stack, ready)
    thresholds.remember(choice, now)
    if ready:
        read = _numbers(choice, stack, (old, before), now)
        edited = choice.map.prompts != base
        _remember(choice, read, now, edited, known=validating is None)
    below_numbers = st.container()  # filled after the pictures, which are waited for
    first, second, third = st.columns(3)
    _scan(first, stack, index)
    where, named = (stack, index), f"now: {choice.map.prompts.name}"
    _slice(second, f"before: {base.name}", old, where, _at(choice.readout, before), ready)
    _slice(third, named, choice.map, where, _at(choice.readout, now), ready)
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
    with below_numbers:
        exposure.warn((("before", old, before), ("now", choice.map, now)))
    if unready is not None:
        compute.show_job(compute.start_encoding(unready))
    waiting = {id(job): job for job in (validating_before, validating) if job is not None}
    for job in waiting.values():
        compute.show_job(job)
    compute.shows(compute.LIVE)  # those of earlier texts end
    if not waiting and now.rule == choice.rule:
        others(choice, (old, before), now)


def _threshold(choice: UserChoice, stack: SliceStack, ready: bool) -> tuple[Threshold, Job | None]:
    """The threshold that the chosen rule gives these prompts."""
    reads_map = ready and isinstance(rule_of(choice.rule), MapRule)
    whole = compute.whole_map(choice.map) if reads_map else None
    return thresholds.threshold_of(choice, stack, whole)


def _scan(column: DeltaGenerator, stack: SliceStack, index: int) -> None:
    pictures.show(column, pictures.grey(stack.image[index]), stack, f"slice {index + 1}")
    if stack.truth is not None:
        outlined = thumbnails.outlined(stack, index)
        pictures.show(column, outlined, stack, "outline of the ground truth")


def _at(read: ReadoutSpec, threshold: Threshold) -> ReadoutSpec:
    return replace(read, threshold=threshold.value)


def _slice(
    column: DeltaGenerator,
    caption: str,
    spec: MapSpec,
    where: tuple[SliceStack, int],
    read: ReadoutSpec,
    ready: bool,
) -> None:
    """Map and mask of a slice; components are those of the volume, once that is `ready`."""
    stack, index = where
    values, scores = pipeline.slice_maps(compute.engine(), spec, [index])
    if read.min_component_voxels and ready:
        mask = predicted_mask(compute.whole_map(spec).values, stack.brain, read)[index]
    else:
        alone = replace(read, min_component_voxels=0)
        mask = predicted_mask(values, stack.brain[[index]], alone)[0]
    truth = None if stack.truth is None else stack.truth[index]
    classes = thumbnails.classes(stack.image[index], truth, mask, palette())
    heat = pictures.heat(values[0] / pipeline.method_of(spec).high)
    pictures.show(column, heat, stack, escape(caption))
    pictures.show(column, classes, stack, f"slice score {scores[0]:.3f}")


def _numbers(
    choice: UserChoice, stack: SliceStack, other: tuple[MapSpec, Threshold], threshold: Threshold
) -> Readout:
    """Both sets, each at its own threshold, and the numbers that depend on none."""

    def read(spec: MapSpec, at: Threshold) -> Readout:
        return readout(stack, compute.whole_map(spec), _at(choice.readout, at))

    now, before = read(choice.map, threshold), read(*other)
    rows = [_row(numbers, choice.data.region) for numbers in (before, now)]
    table = pd.DataFrame(rows, pd.Index(["before", "now"], name="prompts"))
    table.loc["change"] = table.loc["now"] - table.loc["before"]
    st.dataframe(table.style.format("{:.3f}", na_rep="–"), placeholder="–")
    return now


def _remember(
    choice: UserChoice, read: Readout, threshold: Threshold, edited: bool, known: bool
) -> None:
    """What was shown goes into the history at once, its Dice as soon as the threshold is known."""
    known = known and threshold.rule == choice.rule
    texts, value = replace(choice.map.prompts, name=""), threshold.value if known else None
    mask = choice.readout
    shown = (texts, choice.map, value, mask.brain_only, mask.min_component_voxels)
    if session.LAST_TRIAL.get() != shown:
        at = threshold if known else choice.rule
        history.add(choice.map, read, at, edited, owner=user(), home=home(), mask=mask)
        session.LAST_TRIAL.set(shown)


def _row(read: Readout, region: str) -> dict[str, float]:
    mean = read.mean_dice
    return {
        "threshold": read.threshold,
        "3D Dice": or_nan(read.dice_3d),
        "best Dice (oracle)": or_nan(read.best_dice),
        "AP": or_nan(read.ap),
        f"voxel AUROC ({region})": or_nan(read.auroc),
        "mean 2D Dice": or_nan(mean.value if mean else None),
        "predicted ml": read.predicted_ml,
    }
