"""The prompts a user chose and edited: the editor's fields, what they mean, and their draft.

A line that begins with # is a text that is switched off.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from pages.ui.shell import session
from pages.ui.shell.markdown import escape
from pages.ui.shell.session import TEXTS, Entry, pick, widget
from pages.ui.shell.user import home, tab, user
from zsad_core import methods
from zsad_core.base import paths, settings
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, MapSpec, PromptSet
from zsad_core.workspace import drafts

SIDES = ("normal", "abnormal")
OFF = "# "
EDITED = " (edited)"
_SCRIPT = Path(__file__).with_name("typed.js").read_text(encoding="utf-8")
_typed = st.components.v2.component("zsad_typed", js=_SCRIPT)


def prompts_of(method: str, editable: bool) -> PromptSet:
    """The chosen set with the texts as they stand in the editor, which is drawn if asked for."""
    if not methods.kind_of(method).prompts:
        return prompt_sets.NO_PROMPTS
    sets, usual = all_prompts(), usual_prompts(method)
    _follow_method(method, sets)
    chosen = pick("Prompts", list(sets), session.PROMPTS, usual, on_change=fill_with_choice)
    base = sets[chosen]
    _follow_region(chosen, base)
    for key, text in fields(base).items():
        TEXTS[key].setdefault(text)
    for folder in settings.prompt_folders(home()):
        for wrong in prompt_sets.unreadable(folder):
            st.warning(escape(wrong))
    if editable:
        with st.expander("Edit prompts", key="box-prompts"):
            prompt_editor(method)
    now = edited(base)
    session.SPELLED.set(now != base or chosen not in prompt_sets.shipped())
    if now != base and session.LAST_DRAFT.get() != _shown():
        drafts.keep(chosen, tab(), _shown(), user(), home=home())
        session.LAST_DRAFT.set(_shown())
    return now


def _follow_region(name: str, prompts: PromptSet) -> None:
    """The class name of the chosen data, unless another one than that of the last was typed."""
    last = session.LAST_REGION.get()
    session.LAST_REGION.set(region())
    if region() == last:
        return
    if TEXTS["class_name"].get() == methods.of_region(_sets()[name], last).class_name:
        TEXTS["class_name"].set(prompts.class_name)


def prompt_editor(method: str, below: Callable[[str], None] = lambda side: None) -> None:
    """Normal and abnormal texts as lists, one per line, and the class name; the same everywhere.

    Above them what is learned of the prompts, where something is; `below` draws under the box of
    each side.
    """
    above = st.container()  # here and below each box, so that these stay where they are
    if note := methods.kind_of(method).prompt_note:
        above.caption(note)
    for side in SIDES:
        label = f"{side.capitalize()} texts, one per line"
        st.text_area(label, height="content", **widget(TEXTS[side]))
        with st.container():
            below(side)
    st.text_input("Class name (replaces {})", max_chars=80, **widget(TEXTS["class_name"]))
    _typed(
        key="typed",
        data={"of": session.PROMPTS.get(), **_shown()},  # see payload.message: flat
        on_texts_change=lambda: put_fields(session.component("typed")["texts"]),
    )


def template_editor() -> None:
    """Templates, one per line."""
    label = "Templates, one per line ({} is replaced by the text)"
    st.text_area(label, height=160, **widget(TEXTS["templates"]))


def all_prompts() -> dict[str, PromptSet]:
    """Shipped prompt sets, then those of users, with the region of the chosen data in them."""
    return {name: methods.of_region(prompts, region()) for name, prompts in _sets().items()}


def folder_of(name: str) -> Path:
    """Where a user's set of this name lies, or would be saved: in their home, or else published."""
    own, shared = settings.prompt_folder(home()), settings.prompt_folder()
    return shared if name in prompt_sets.user_sets(shared) and not _is_own(name) else own


def is_private(name: str) -> bool:
    """Whether the set of this name lies in a home that other users, and commands, do not read."""
    return home() != paths.home() and _is_own(name)


def _is_own(name: str) -> bool:
    return name in prompt_sets.user_sets(settings.prompt_folder(home()))


def _sets() -> dict[str, PromptSet]:
    return {**prompt_sets.shipped(), **prompt_sets.user_sets(*settings.prompt_folders(home()))}


def own_first(names: Iterable[str]) -> list[str]:
    """Names of prompt sets, the chosen one on top."""
    return list(dict.fromkeys([session.PROMPTS.get(), *names]))


def region() -> str:
    """What the chosen data show, the class name of prompts."""
    name = session.DATA.get() or settings.default_root()
    return settings.data_roots().get(name, DataSpec()).region


def edited(base: PromptSet) -> PromptSet:
    """The set with the texts as they stand in the editor; the set itself where nothing differs."""
    texts = {key: Entry(key, text).get() for key, text in fields(base).items()}
    parts: dict[str, Any] = {"templates": tuple(lines_of(texts["templates"]))}
    for side in SIDES:
        parts[side] = tuple(line for line in lines_of(texts[side]) if line[0] != "#")
        parts[f"{side}_off"] = tuple(line for line, on in switches(texts[side]) if not on)
    prompts = replace(base, class_name=texts["class_name"].strip() or base.class_name, **parts)
    return prompts if prompts == base else replace(prompts, name=f"{base.name}{EDITED}")


def fields(prompts: PromptSet) -> dict[str, str]:
    """What the editor's fields hold for a set, by their keys."""
    texts = {}
    for side in SIDES:
        off = (OFF + text for text in getattr(prompts, f"{side}_off"))
        texts[side] = "\n".join([*getattr(prompts, side), *off])
    return {**texts, "class_name": prompts.class_name, "templates": "\n".join(prompts.templates)}


def put(prompts: PromptSet) -> None:
    """Fill the editor with a set; for callbacks, which run before the fields are drawn."""
    if prompts.name in all_prompts():
        session.PROMPTS.set(prompts.name)
    put_fields(fields(prompts))


def edit(prompts: PromptSet) -> None:
    """Fill the editor with a set and open it, with the set's map; for callbacks."""
    put(prompts)
    session.LAB_SECTION.set("Edit")


def put_fields(texts: dict[str, str]) -> None:
    """Fill the editor with these texts, such as those of a draft; for callbacks."""
    for key in TEXTS.keys() & texts:
        TEXTS[key].set(texts[key])


def switches(text: str) -> list[tuple[str, bool]]:
    """The texts of an editor's field as they stand in it, and whether each is on."""
    lines = [(line.removeprefix("#").strip(), line[0] != "#") for line in lines_of(text)]
    return [(line, on) for line, on in lines if line]


def switch(side: str, text: str) -> None:
    """Switch one text of a side off or on; for callbacks."""
    lines = lines_of(TEXTS[side].get())
    other = {text: OFF + text}
    other |= {line: text for line in lines if line[0] == "#" and line[1:].strip() == text}
    turned = (other.get(line, line) for line in lines)
    TEXTS[side].set("\n".join(turned))


def swap() -> None:
    """Exchange the two sides; for callbacks."""
    normal, abnormal = (TEXTS[side].get() for side in SIDES)
    put_fields({"normal": abnormal, "abnormal": normal})


def draft_elsewhere() -> drafts.Draft | None:
    """The newest draft of the chosen set that another session left and that is not shown here."""
    draft = drafts.newest(session.PROMPTS.get(), tab(), user(), home=home())
    return None if draft is None or draft.texts == _shown() else draft


def _shown() -> dict[str, str]:
    return {name: text.get() for name, text in TEXTS.items()}


def usual_prompts(method: str) -> str:
    """A trained method reads the texts it was trained with, others words of appearance."""
    kind = methods.kind_of(method)
    return kind.prompts if kind.learned else "appearance"


def prompts_beside(spec: MapSpec, method: str) -> PromptSet:
    """What a map beside that one reads: the chosen texts, or those usual for another method."""
    return spec.prompts if method == spec.method else all_prompts()[usual_prompts(method)]


def _follow_method(method: str, sets: dict[str, PromptSet]) -> None:
    """Another method brings its usual prompts, unless the user chose or edited some."""
    last = session.PROMPTS_OF.get() or method
    session.PROMPTS_OF.set(method)
    usual = usual_prompts(last)
    unchanged = session.PROMPTS.get() == usual and edited(sets[usual]) == sets[usual]
    if last != method and unchanged:
        put(sets[usual_prompts(method)])


def fill_with_choice() -> None:
    """Fill the editor with the set just chosen."""
    put(all_prompts()[session.PROMPTS.get()])


def lines_of(text: str) -> list[str]:
    """The lines of a field that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()]
