"""The row above the picture: next and previous subject, and what the map is made with."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.shell import prompt_choice, session
from pages.ui.shell.session import Choice
from pages.ui.shell.sidebar import UserChoice, rules_of, usable
from pages.ui.shell.user import home
from zsad_core import methods, setups
from zsad_core.metrics.threshold_rules import RULES

WIDTHS = (0.45, 0.45, 1.6, 1.6, 2, 1.7, 3.2)


def title(choice: UserChoice) -> DeltaGenerator:
    """Draw the row; returns the place at its end, for what is done with a view."""
    back, on, *columns, end = st.columns(WIDTHS, gap="xsmall")
    for place, label, name, key, by in (back, "<", "previous", "k", -1), (on, ">", "next", "j", 1):
        what = f"{name.capitalize()} subject: key {key} in the viewer"
        step = partial(turn, choice, by)
        place.button(label, f"{name}-subject", what, step, width="stretch")
    spec, kind = choice.map, methods.kind_of(choice.map.method)
    names = [setup.setup for setup in setups.available(spec.method, choice.data, home())]
    _select(columns[0], session.METHOD, "Method", setups.methods_for(choice.data))
    _select(columns[1], session.SETUP, "Setup", names)
    if kind.prompts:
        edited = spec.prompts.name.removeprefix(session.PROMPTS.get())
        sets = list(prompt_choice.all_prompts())
        fill = prompt_choice.fill_with_choice
        _select(columns[2], session.PROMPTS, "Prompts", sets, fill, edited)
    rules = rules_of(choice.subjects, spec.features.slices)
    _select(columns[3], session.RULE, "Rule", rules, session.RULE_AMOUNT.pop)
    return end.container(horizontal=True)


def turn(choice: UserChoice, by: int) -> None:
    """Open the subject that stands so many after this one, at its largest lesion; for callbacks.

    This one is the one opened last, which the button that was clicked may not know of yet.
    """
    ids, last = [subject.id for subject in usable(choice.subjects)], session.SUBJECT.get()
    subject = ids[(ids.index(last if last in ids else choice.subject.id) + by) % len(ids)]
    session.request({session.SUBJECT.key: subject, session.SLICE.key: None})


def _select(
    column: DeltaGenerator,
    choice: Choice[str],
    label: str,
    options: Sequence[str],
    on_change: Callable[[], object] | None = None,
    note: str = "",
) -> None:
    """A list that makes the same choice as the sidebar's own."""

    def words(name: str) -> str:
        if choice is session.METHOD:
            return methods.name_of(name)
        if choice is session.RULE:
            return f"{label}: {RULES[name].title}"
        return f"{label}{note if name == choice.get() else ''}: {name}"

    column.selectbox(
        label,
        label_visibility="collapsed",
        **session.select(options, choice, on_change, "title", words),
    )
