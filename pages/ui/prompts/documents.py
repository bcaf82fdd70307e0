"""The editor of the lab: texts, switches, templates, every sentence, warnings, versions, files."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.shell import compute, download, frame, session
from pages.ui.shell.deletion import delete_button
from pages.ui.shell.markdown import escape
from pages.ui.shell.prompt_choice import (
    SIDES,
    all_prompts,
    draft_elsewhere,
    fields,
    folder_of,
    own_first,
    prompt_editor,
    put_fields,
    region,
    swap,
    switch,
    switches,
    template_editor,
    usual_prompts,
)
from pages.ui.shell.session import Entry
from pages.ui.shell.sidebar import UserChoice
from pages.ui.shell.user import home, owner_words, user
from zsad_core.base import settings
from zsad_core.base.wording import counted
from zsad_core.lab import prompt_checks
from zsad_core.methods import of_region
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import PromptSet


def documents(choice: UserChoice) -> None:
    """Everything that makes a prompt set, the texts first."""
    prompts = choice.map.prompts
    above = st.container()  # or the boxes would move, and while the page runs stand there twice
    if (draft := draft_elsewhere()) is not None:
        source = "from another tab" if draft.owner in ("", user()) else "of another user"
        label = f"Restore draft {source} ({draft.time.astimezone():%-d %b, %H:%M})"
        what = "Texts typed for this prompt set that are not shown here."
        restore = partial(put_fields, draft.texts)
        above.button(label, on_click=restore, width="stretch", help=what)
    prompt_editor(choice.map.method, partial(_side, choice))
    facts = st.container()
    left, right = st.columns(2)
    left.button("Swap sides", width="stretch", on_click=swap)
    with right.popover("Save …", width="stretch", key="box-save"):
        _save(prompts)
    _own(left, right)
    with st.expander("Turn texts off and on", key="box-texts"):
        _switches()
    with st.expander("Templates", key="box-templates"):
        template_editor()
    with facts, frame.in_words():
        _count(prompts)
        base = all_prompts()[session.PROMPTS.get()]
        for warning in prompt_checks.warnings(compute.engine(), choice.map, base):
            st.warning(escape(warning))
    with st.expander("All sentences", key="box-sentences"):
        st.dataframe(sentences_table(prompts), hide_index=True, height=300)
    with st.expander("Compare with another set", key="box-compare"):
        _compare(prompts)
    if record := prompt_sets.record(session.PROMPTS.get(), folder_of(session.PROMPTS.get())):
        with st.expander("How these texts were found", key="box-found"):
            st.json(record)


def sentences_table(prompts: PromptSet) -> pd.DataFrame:
    """Each sentence with the text and the template that it comes from."""
    rows = []
    for side, sentences in zip(SIDES, prompt_sets.sentences(prompts), strict=True):
        origins = product(getattr(prompts, side), prompts.templates or ("{}",))
        rows += [(side, text, *origin) for text, origin in zip(sentences, origins, strict=True)]
    return pd.DataFrame(rows, columns=["side", "sentence", "text", "template"])


def _own(left: DeltaGenerator, right: DeltaGenerator) -> None:
    """Renames or deletes the chosen set where the user may; shipped ones stay."""
    name = session.PROMPTS.get()
    folder = folder_of(name)
    if name in prompt_sets.shipped() or prompt_sets.owner_of(name, folder) not in ("", user()):
        return
    with (
        left.popover("Rename …", width="stretch", key="box-rename"),
        st.form("rename", border=False),
    ):
        new = st.text_input("Name", name, max_chars=80, key=f"rename-{name}").strip()
        if st.form_submit_button("Rename", width="stretch") and new not in ("", name):
            with frame.of_click():
                prompt_sets.rename(name, new, folder, user())
                session.request({session.PROMPTS.key: new})
                st.rerun()

    def delete() -> None:
        prompt_sets.delete(name, folder, user())
        usual = all_prompts()[usual_prompts(session.METHOD.get())]
        session.request({session.PROMPTS.key: usual.name, **fields(usual)})

    versions = len(prompt_sets.older(name, folder))
    also = f" and its {counted(versions, 'earlier version')}" if versions else ""
    shared = folder == settings.prompt_folder()
    whom = " for everybody" if shared else ""
    with right:
        delete_button(
            f"Delete the set '{escape(name)}'{also}{whom}?",
            delete,
            "prompts",
            f"prompt set '{name}'",
        )
    if not shared and left.button("Publish", width="stretch", help="A copy for all users."):
        _publish(name, folder)


def _publish(name: str, folder: Path) -> None:
    """Copy a set of the user's home, with the record of how it was found, to the home of all."""
    with frame.of_click():
        prompts, record = prompt_sets.user_sets(folder)[name], prompt_sets.record(name, folder)
        prompt_sets.save(prompts, settings.prompt_folder(), record, user())
        st.toast(f"Published: {escape(name)}")


def _side(choice: UserChoice, side: str) -> None:
    """What to know of the texts in the box above, before any map is made of them."""
    if not getattr(choice.map.prompts, side):
        return
    engine = compute.engine()
    with frame.in_words():
        for warning in prompt_checks.warnings_of_side(engine, choice.map, side):
            st.warning(escape(warning))
        pieces = prompt_checks.split_words(engine, choice.map, side)
    if pieces:
        words = ", ".join(f"{word} ({count})" for word, count in pieces.items())
        st.caption(escape(f"Not one token in CLIP's vocabulary, read in pieces: {words}."))


def _count(prompts: PromptSet) -> None:
    sentences = sum(map(len, prompt_sets.sentences(prompts)))
    off = len(prompts.normal_off) + len(prompts.abnormal_off)
    owner = prompt_sets.owner_of(session.PROMPTS.get(), folder_of(session.PROMPTS.get()))
    words = (
        f"{len(prompts.normal)} normal + {len(prompts.abnormal)} abnormal, × "
        f"{counted(max(len(prompts.templates), 1), 'template')} = "
        f"{counted(sentences, 'sentence')}; {{}} becomes '{prompts.class_name}'"
        f"{f'; {off} switched off' if off else ''}{owner_words(owner)}"
    )
    st.caption(escape(words), help=escape(f"Source: {prompts.source or 'your own'}."))


def _switches() -> None:
    """A box for each text; a line that begins with # is off."""
    for side in SIDES:
        st.caption(f"{side.capitalize()} texts")
        for text, on in dict(switches(session.TEXTS[side].get())).items():
            box = session.SWITCHES.of(f"{side}-{text}")
            box.set(on)
            st.checkbox(escape(text), **session.widget(box, partial(_turn, side, text, box)))


def _turn(side: str, text: str, box: Entry[bool]) -> None:
    """Switch a text as its box says; nothing where it is so already."""
    if dict(switches(session.TEXTS[side].get())).get(text) != box.get():
        switch(side, text)


def _save(prompts: PromptSet) -> None:
    name = st.text_input("Save as", placeholder="name of your set", key="save_as", max_chars=80)
    if st.button("Save prompt set", disabled=not name.strip(), width="stretch"):
        _keep(lambda: replace(prompts, name=name.strip(), source="own"))
    download.button(
        "Download as YAML",
        prompt_sets.as_yaml(prompts),
        f"{prompts.name}.yaml",
        key="prompts-yaml",
        width="stretch",
    )
    file = st.file_uploader("Load a YAML file", type=["yaml", "yml"])
    if file is not None and st.button(f"Save {escape(file.name)}", width="stretch"):
        _keep(lambda: prompt_sets.parse(file.getvalue(), file.name))
    if saved := session.notice("prompt set"):
        st.success(saved)


def _keep(read: Callable[[], PromptSet]) -> None:
    """Save a set; the sidebar, drawn already, chooses it in a run of its own."""
    folder = settings.prompt_folder(home())
    with frame.of_click():
        prompts = read()
        prompt_sets.save(prompts, folder, owner=user())
        version = len(prompt_sets.older(prompts.name, folder)) + 1
        session.notify(
            "prompt set",
            f"'{escape(prompts.name)}' is saved as version {version} and chosen in the sidebar; "
            "earlier versions are under Compare.",
        )
        session.request({session.PROMPTS.key: prompts.name, **fields(of_region(prompts, region()))})
        st.rerun()


def _compare(prompts: PromptSet) -> None:
    """What was added and removed since another set, or an earlier version of a user's own."""
    others = dict(all_prompts())
    for name in prompt_sets.user_sets(*settings.prompt_folders(home())):
        for number, old in prompt_sets.older(name, folder_of(name)).items():
            others[f"{name}, version {number}"] = old
    chosen = st.selectbox("Compare with", own_first(others), key="compare_set")
    if changes := prompt_sets.differences(others[chosen], prompts):
        st.dataframe(pd.DataFrame(changes, columns=["", "what", "text"]), hide_index=True)
    else:
        st.caption("No differences.")
