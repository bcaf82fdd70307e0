"""What the chosen map is compared with: other methods and setups, prompt sets, modalities."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from pages.ui.explore.shown import map_of, viewer_map
from pages.ui.shell import session
from pages.ui.shell.compute import engine
from pages.ui.shell.prompt_choice import all_prompts, prompts_beside
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.user import home
from pages.ui.viewer.payload import ViewerMap
from zsad_core import methods, setups
from zsad_core.base.jobs import Job
from zsad_core.inference import pipeline
from zsad_core.inference.views import View
from zsad_core.types import FloatArray, MapSpec

MOST = 3


def compared(choice: UserChoice) -> dict[str, MapSpec]:
    """Draw the choice of what to compare with, at most three, and return the maps by name."""
    offered = offers(choice)
    names = [name for name in session.COMPARED.get() if name in offered]
    if session.settle(session.COMPARED, names, "Comparison", within=choice.map):
        st.rerun()
    names = st.multiselect(
        "Compare with",
        list(offered),
        max_selections=MOST,
        select_all=False,
        format_func=title,
        placeholder="Up to 3: another method, setup, prompt set or modality",
        **session.several(session.COMPARED),
    )
    return {name: offered[name]() for name in names}


def maps_beside(
    others: Mapping[str, MapSpec], view: View, thresholds: FloatArray
) -> tuple[list[tuple[str, ViewerMap]], list[Job | None]]:
    """The compared maps for the viewer, and the jobs that still encode them.

    `thresholds` (256,) are those of the view's map; the others have the same shares of their range.
    """
    high = pipeline.method_of(view.map).high
    maps, jobs = [], []
    for name, spec in others.items():
        anomaly, key, job = map_of(spec, view.index)
        over = spec.features.slices != view.map.features.slices
        cut = thresholds * np.float32(anomaly.high / high)
        maps.append(viewer_map(spec, anomaly, key, cut, title(name), over))
        jobs.append(job)
    return maps, jobs


def title(name: str) -> str:
    """What a comparison is called on screen; its name begins with that of its method."""
    method, _, setting = name.partition(" · ")
    return f"{methods.name_of(method)} · {setting}"


def offers(choice: UserChoice) -> dict[str, Callable[[], MapSpec]]:
    """Everything that differs from the choice in one thing, by name."""
    spec, data, sets = choice.map, choice.data, all_prompts()
    offered: dict[str, Callable[[], MapSpec]] = {}
    beside = partial(pipeline.beside, engine(), spec, home=home())
    for method in setups.methods_for(data):
        texts = prompts_beside(spec, method)
        for entry in setups.available(method, data, home()):
            if (method, entry.setup) != (spec.method, spec.setup):
                offered[f"{method} · {entry.setup}"] = partial(beside, method, entry.setup, texts)
    if methods.kind_of(spec.method).prompts:
        for name, texts in sets.items():
            if name != spec.prompts.name:
                other = partial(beside, spec.method, spec.setup, texts)
                offered[f"{spec.method} · prompts {name}"] = other
    for modality in choice.subject.modalities:
        if modality != spec.features.slices.modality:
            offered[f"{spec.method} · {modality}"] = partial(_other_modality, spec, modality)
    return offered


def _other_modality(spec: MapSpec, modality: str) -> MapSpec:
    """The same in another modality, references too; a set of volumes is the usual one there."""
    normal = tuple(
        replace(reference, slices=replace(reference.slices, modality=modality))
        for reference in spec.references
    )
    features = replace(spec.features, slices=replace(spec.features.slices, modality=modality))
    other = replace(spec, features=features, references=normal, volumes=())
    chosen = (spec.method, spec.setup, spec.prompts)
    return pipeline.beside(engine(), other, *chosen, home=home())
