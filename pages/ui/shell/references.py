"""The sidebar's normal slices, for methods that compare with some: picked, shown, kept."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from pages.ui.shell import session
from pages.ui.shell.compute import engine
from pages.ui.shell.markdown import escape
from pages.ui.shell.pictures import draw
from zsad_core.errors import ZsadError
from zsad_core.imaging import slicing
from zsad_core.inference.references import MOST, clear_slices, parsed, written
from zsad_core.types import Reference, SliceSpec, Split, Subject

KEY = session.REFERENCE_SLICES.key
USUAL = 4


def normal_slices(slices: SliceSpec, subjects: Sequence[Subject]) -> tuple[Reference, ...]:
    """The slices that a user picked as normal, at most 8; without any the map is zero-shot."""
    chosen = session.REFERENCE_SLICES.get()
    with st.expander("Normal slices", expanded=bool(chosen), key="box-references"):
        names = st.multiselect(
            "Compare with",
            list(chosen),
            max_selections=MOST,
            accept_new_options=True,
            placeholder="None (zero-shot)",
            help="SUBJECT:NUMBER, the number as the viewer shows it.",
            **session.several(session.REFERENCE_SLICES),
        )
        parts = {subject.id: subject.split for subject in subjects}
        references = [
            reference
            for name in names
            if (reference := _reference(name, slices, parts)) is not None
        ]
        _pictures(references)
        _picking(slices, subjects)
    return tuple(references)


def _reference(name: str, slices: SliceSpec, parts: Mapping[str, Split]) -> Reference | None:
    """The slice; with a warning where it may not be normal, None with one where it is none."""
    try:
        reference = parsed(name, slices)
        stack = engine().stack(reference.slices)
    except ZsadError as error:
        st.warning(escape(str(error)))
        return None
    index, subject = reference.index, reference.slices.subject
    if index >= len(stack.image) or not stack.brain[index].any():
        st.warning(escape(f"{name} is an empty slice and is ignored."))
        return None
    problems = []
    if stack.truth is not None and stack.truth[index].any():
        problems.append("contains lesion in the ground truth, so it is not normal.")
    elif subject == slices.subject:
        problems.append("belongs to the subject shown.")
    if (part := parts.get(subject, "")) not in ("", "train"):
        problems.append(f"is of a subject of {part}, not of train: numbers with it are exposed.")
    for problem in problems:
        st.warning(escape(f"{name} {problem}"))
    return reference


def _pictures(references: Sequence[Reference]) -> None:
    for start in range(0, len(references), 4):
        for column, normal in zip(st.columns(4), references[start : start + 4], strict=False):
            with column:
                draw(engine().stack(normal.slices).image[normal.index], str(normal.index + 1))


def _picking(slices: SliceSpec, subjects: Sequence[Subject]) -> None:
    usable = [s for s in subjects if not s.problem and slices.modality in s.modalities]
    train = [s.id for s in usable if s.split == "train" and s.id != slices.subject]
    beyond = bool(train) and st.checkbox(
        "Also from outside train",
        key="normal_beyond",
        help="Numbers that such slices helped to make are marked as exposed.",
    )
    everyone = [s.id for s in usable if s.id != slices.subject] or [s.id for s in usable]
    others = train if train and not beyond else everyone
    subject = st.selectbox("From subject", others, key="normal_from")
    left, right = st.columns(2, vertical_alignment="bottom")
    number = left.number_input("Slice", 1, value=None, key="normal_number", placeholder="number")
    add, missing = partial(_add, [f"{subject}:{number}"]), number is None
    right.button("Add", key="normal_add", on_click=add, disabled=missing, width="stretch")
    count = left.number_input("Number of slices", 1, MOST, USUAL, key="normal_count")
    choose = partial(_pick, replace(slices, subject=subject), slices, count)
    right.button("Pick automatically", key="normal_pick", on_click=choose, width="stretch")
    if problem := session.notice(KEY):
        st.warning(escape(problem))
    st.caption(
        "Picks lesion-free slices of that subject, evenly spaced around the depth of the slice "
        "shown."
    )


def _pick(of: SliceSpec, shown: SliceSpec, count: int) -> None:
    """Add clear slices of a subject, around the depth of the slice last looked at."""
    session.notify(KEY, "")
    try:
        depth = slicing.depths(engine().stack(shown).brain)
        near = float(np.nan_to_num(depth[min(session.SLICE.get() or 0, len(depth) - 1)]))
        indices = clear_slices(engine().stack(of), near, count)
    except ZsadError as error:
        session.notify(KEY, str(error))
        return
    if not indices:
        session.notify(KEY, f"{of.subject} has no segmentation with lesion-free slices.")
    _add([written(Reference(of, index)) for index in indices])


def _add(names: Sequence[str]) -> None:
    chosen = dict.fromkeys([*session.REFERENCE_SLICES.get(), *names])
    session.REFERENCE_SLICES.set(list(chosen)[:MOST])
