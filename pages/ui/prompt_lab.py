"""The prompt lab's parts: editor, old beside new, which text pulls, and saving."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from pages.ui import compute, pictures, thresholds
from pages.ui.charts import text_pull_figure
from pages.ui.explore import visible_slice
from pages.ui.sidebar import Choice, all_prompts, prompt_editor
from zsad_core import evaluation, methods, pipeline, prompt_sets, settings
from zsad_core.readout import Readout, readout
from zsad_core.types import AnomalyMap, MapSpec, PromptSet, SliceStack, Threshold


def prompt_lab(choice: Choice) -> None:
    """Texts on the left; on the right the slice and the volume, before and after the edit."""
    if not methods.METHODS[choice.map.method].prompts:
        st.info(f"'{choice.map.method}' reads no text; choose another method in the sidebar.")
        return
    stack = compute.stack(choice.map)
    left, right = st.columns([2, 5], gap="large")
    with left:
        _texts(choice)
    with right:
        _before_and_after(choice, stack)


def _texts(choice: Choice) -> None:
    prompt_editor(choice.map.method)
    prompts = choice.map.prompts
    normal, abnormal = prompt_sets.sentences(prompts)
    st.caption(
        f"{len(prompts.normal)} normal and {len(prompts.abnormal)} abnormal texts × "
        f"{max(len(prompts.templates), 1)} templates = {len(normal) + len(abnormal)} sentences; "
        f"{{}} becomes '{prompts.class_name}'. Source: {prompts.source or 'your own'}."
    )
    if st.button("Swap normal and abnormal", width="stretch", on_click=_swap):
        st.rerun()
    name = st.text_input("Save as", placeholder="name of your set")
    if st.button("Save prompt set", disabled=not name, width="stretch"):
        _save(replace(prompts, name=name, source="own"))
    with st.expander("Files"):
        st.download_button(
            "Download as YAML",
            prompt_sets.as_yaml(prompts),
            f"{prompts.name}.yaml",
            "application/yaml",
            on_click="ignore",
            width="stretch",
        )
        file = st.file_uploader("Load a YAML file", type=["yaml", "yml"])
        if file is not None and st.button(f"Keep {file.name}", width="stretch"):
            _save(prompt_sets.parse(file.getvalue(), file.name))


def _save(prompts: PromptSet) -> None:
    path = prompt_sets.save(prompts, settings.prompt_folder())
    st.success(f"'{prompts.name}' is now in the sidebar's list; it is kept as {path}.")


def _swap() -> None:
    state = st.session_state
    state["normal"], state["abnormal"] = state["abnormal"], state["normal"]


def _before_and_after(choice: Choice, stack: SliceStack) -> None:
    index = st.slider("Slice", 1, len(stack.image), visible_slice(stack) + 1, key="lab_slice") - 1
    st.session_state["slice"] = index
    base = all_prompts()[st.session_state["prompts"]]
    old = evaluation.with_prompts(choice.map, base)
    ready = compute.ready(choice.map)
    whole = compute.whole_map(choice.map) if ready and choice.rule == "oracle" else None
    threshold, validating = thresholds.threshold_of(choice, stack, whole)
    thresholds.remember(choice, threshold)
    columns = st.columns(3)
    columns[0].image(stack.image[index], caption=f"slice {index + 1}", width="stretch")
    _slice(columns[1], f"before: {base.name}", old, (stack, index, threshold))
    _slice(columns[2], f"now: {choice.map.prompts.name}", choice.map, (stack, index, threshold))
    st.caption(
        f"Both masks at level {threshold.level} of 255 ({threshold.rule}: {threshold.note}). "
        "Above the anomaly map, below true positive green, false positive red, false negative blue."
    )
    if ready:
        _numbers(choice, stack, (old, threshold))
    else:
        compute.show_job(compute.start_encoding(choice.map))
    if validating is not None:
        compute.show_job(validating)
    _pull(choice.map, index)


def _slice(
    column: st.delta_generator.DeltaGenerator,
    caption: str,
    spec: MapSpec,
    where: tuple[SliceStack, int, Threshold],
) -> None:
    stack, index, threshold = where
    levels, scores = pipeline.slice_levels(compute.engine(), spec, [index])
    mask = (levels[0] >= threshold.level) & stack.brain[index]
    truth = None if stack.truth is None else stack.truth[index]
    column.image(pictures.heat(levels[0]), caption=caption, width="stretch", output_format="PNG")
    column.image(
        pictures.classes(stack.image[index], truth, mask),
        caption=f"slice score {scores[0]:.3f}",
        width="stretch",
        output_format="PNG",
    )


def _numbers(choice: Choice, stack: SliceStack, other: tuple[MapSpec, Threshold]) -> None:
    old, threshold = other
    spec = compute.at_level(choice.readout, threshold.level)

    def read(which: MapSpec) -> Readout:
        anomaly: AnomalyMap = compute.whole_map(which)
        return readout(stack, anomaly, spec)

    table = pd.DataFrame(
        [_row("before", read(old)), _row("now", read(choice.map))],
    ).set_index("prompts")
    table.loc["change"] = table.loc["now"] - table.loc["before"]
    st.dataframe(table.style.format("{:.3f}", na_rep="–"), width="stretch")


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


def _pull(spec: MapSpec, index: int) -> None:
    pulls = pipeline.text_pulls(compute.engine(), spec, index)
    if not pulls:
        st.caption("With one text a side there is none to leave out.")
        return
    labels, values = zip(*pulls, strict=True)
    st.plotly_chart(text_pull_figure(labels, values), width="stretch", key="pull")
    st.caption(
        "How far each text pulls this slice: the mean anomaly inside the brain with the text, "
        "minus the mean without it (leave one out)."
    )
