"""Explore at a view: every choice that makes it, as if the user had made them."""

from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import parse_qs

import streamlit as st

from pages.ui.shell import prompt_choice, session, uploaded
from pages.ui.shell.compute import engine
from zsad_core import methods
from zsad_core.errors import DataError
from zsad_core.inference import pipeline
from zsad_core.inference.evaluation import map_key
from zsad_core.inference.references import written
from zsad_core.inference.views import View
from zsad_core.types import SliceSpec

EXPLORE = "pages/1_Explore.py"
Choices = dict[str, object]
"""Values of widgets by key."""


@dataclass(frozen=True)
class Target:
    """What of a view is known; the rest stays as it is chosen.

    `data` is a name of the sidebar's list, `slice` an index. Without a slice it is the one last
    looked at.
    """

    subject: str
    data: str = ""
    method: str = ""
    setup: str = ""
    rule: str = ""
    slice: int | None = None


def to(view: View | Target) -> NoReturn:
    """Open Explore at a view, whose threshold then is the slider's, or at what is known of one.

    Raises DataError where the view's data are no longer among those to choose from, and for a map
    of another plane than Explore's.
    """
    if isinstance(view, View):
        _check(view)
        choices = _shown(view) | _beside(view) | {session.SLICE.key: view.index}
        session.set_threshold(view.threshold.value, pipeline.method_of(view.map).high)
        session.OPENED_THRESHOLD.set((view.threshold, map_key(engine(), view.map)))
    else:
        keys = (session.DATA, session.SUBJECT, session.METHOD, session.SETUP, session.RULE)
        values = (view.data, view.subject, view.method, view.setup, view.rule)
        pairs = zip(keys, values, strict=True)
        choices = {key.key: value for key, value in pairs if value}
        if view.slice is not None:
            choices[session.SLICE.key] = view.slice
    session.request({**choices, session.JUMP.key: True})
    st.switch_page(EXPLORE)


def to_address(query: str) -> NoReturn:
    """Open Explore as an address of it does in a new session."""
    words = parse_qs(query, keep_blank_values=True)
    read = {
        entry.key: entry.read(words[entry.key]) for entry in session.CHOICES if entry.key in words
    }
    of_prompts = {session.PROMPTS.key, *session.TEXTS}
    choices: Choices = {
        entry.key: entry.default if read.get(entry.key) is None else read[entry.key]
        for entry in session.CHOICES
        if entry.key in read or (entry.page in ("", "Explore") and entry.key not in of_prompts)
    }
    if session.PROMPTS.key in read:
        named = prompt_choice.all_prompts().get(str(read[session.PROMPTS.key]))
        texts = prompt_choice.fields(named) if named else {}  # else they stand in the address
        choices = {**texts, **choices, session.PROMPTS_OF.key: choices[session.METHOD.key]}
    session.request({**choices, session.JUMP.key: True})
    st.switch_page(EXPLORE)


def next_run(view: View) -> None:
    """Have the next run open a view, as soon as it comes to `follow`; for callbacks."""
    session.NEXT_VIEW.set(view)


def follow() -> None:
    """Open the view that a callback asked for, if any."""
    if view := session.NEXT_VIEW.pop():
        to(view)


def _check(view: View) -> None:
    """In its own plane Explore would show other numbers than those clicked."""
    slices = view.map.features.slices
    if slices.plane != SliceSpec.plane:
        raise DataError(
            f"Explore shows {SliceSpec.plane} slices, and this map of {slices.subject} is of "
            f"{slices.plane} slices; see it on the Failures page."
        )


def _shown(view: View) -> Choices:
    """Data, method and mask: what the address names where no widget does."""
    spec, read = view.map, view.readout
    slices = spec.features.slices
    names = [name for name, root in uploaded.roots().items() if root == slices.data]
    if not names:
        labels = slices.data.labels
        meaning = "" if labels == "auto" else f" with lesion labels {labels}"
        raise DataError(
            f"The '{slices.data.kind}' data of {slices.subject}{meaning} are no longer here; add "
            "them again on the Setup page."
        )
    choices: Choices = {
        session.DATA.key: names[0],
        session.SUBJECT.key: slices.subject,
        session.MODALITY.key: slices.modality,
        session.METHOD.key: spec.method,
        session.SETUP.key: spec.setup,
        session.BRAIN_ONLY.key: read.brain_only,
        session.SMALLEST.key: read.min_component_voxels,
    }
    if spec.features.recipe:
        choices[session.PRECISION.key] = pipeline.chosen_precision(engine(), spec) or ""
    return choices | ({session.REFERENCE_SET.key: list(spec.volumes)} if spec.volumes else {})


def _beside(view: View) -> Choices:
    """What an average counts, and what the method reads beside scan and set."""
    spec, read, kind = view.map, view.readout, methods.kind_of(view.map.method)
    choices: Choices = {
        session.EMPTY_SLICES.key: read.empty_slices,
        session.DEPTH_ORIGIN.key: read.centre,
    }
    if kind.takes_references:
        choices[session.REFERENCE_SLICES.key] = [
            written(reference) for reference in spec.references
        ]
    if kind.prompts:
        choices |= {
            **prompt_choice.fields(spec.prompts),
            session.PROMPTS.key: spec.prompts.name.removesuffix(prompt_choice.EDITED),
            session.PROMPTS_OF.key: spec.method,
        }
    return choices
