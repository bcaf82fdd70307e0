"""The shared sidebar: widgets in, specs out. It owns the session keys and the page's address."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from pages.ui import volume_set
from pages.ui.compute import engine, plain
from pages.ui.references import normal_slices
from zsad_core import datasets, evaluation, methods, pipeline, prompt_sets, settings, setups
from zsad_core.types import DataSpec, MapSpec, PromptSet, ReadoutSpec, SliceSpec, Subject

RULES = {
    "validation": "Best mean Dice on the validation subjects.",
    "fixed": "Where the viewer's slider stands.",
    "oracle": "Best Dice on this subject: it saw the truth.",
}
EMPTY_SLICES = {
    "lesion_only": "lesion slices only",
    "nan": "both empty left out (NaN)",
    "both_empty_one": "both empty = 1",
}
CLASS_WORD = "brain"
KEPT = {"bind": "query-params", "persist_state": "session"}


@dataclass(frozen=True)
class Choice:
    """Everything the user chose, as specs."""

    data: DataSpec
    subject: Subject
    subjects: tuple[Subject, ...]
    map: MapSpec
    readout: ReadoutSpec
    rule: str
    synthetic: bool

    @property
    def label(self) -> str:
        """Method and setup as one name for charts."""
        return f"{self.map.method} · {self.map.setup}"


def sidebar(edit_prompts: bool = True) -> Choice:
    """Draw the sidebar and return the choice; stops the page with a sentence where it cannot."""
    _apply_requests()
    with st.sidebar:
        roots = settings.data_roots()
        name = _pick("Data", list(roots), "data", settings.default_root())
        dataset = datasets.open_dataset(roots[name])
        subjects = dataset.subjects()
        if dataset.synthetic:
            st.caption(":orange-badge[synthetic] Demo scans and a demo CLIP, not patients.")
        subject = _subject(subjects)
        modality = _pick("Modality", subject.modalities, "modality", subject.modalities[0])
        names = list(methods.METHODS)
        first = next((n for n in ("aprilgan", "winclip") if setups.available(n)), names[0])
        method = _pick("Method", names, "method", first)
        st.caption(methods.METHODS[method].source)
        setup = _setup(method)
        slices = SliceSpec(roots[name], subject.id, modality)
        takes = methods.METHODS[method].takes_references
        references = normal_slices(slices, subjects, KEPT) if takes else ()
        prompts = _prompts(method, edit_prompts)
        volumes = volume_set.pick(method, subjects, subject, modality)
        readout, rule = _rules(evaluation.validation_subjects(subjects, modality))
        running = len(engine().jobs.running())
        if running:
            st.page_link("pages/6_Setup.py", label=f"{running} running in the background")
    spec = pipeline.map_spec(engine(), slices, method, setup, prompts, references, volumes)
    return Choice(roots[name], subject, subjects, spec, readout, rule, dataset.synthetic)


def _pick(label: str, options: Sequence[str], key: str, first: str, **more: object) -> str:
    """A list whose choice stands in the address as it is shown; `first` until one is made.

    It is put on top, since a choice of the topmost is left out of the address.
    """
    if st.session_state.get(key) not in options:
        st.session_state[key] = first
    ordered = [first, *(option for option in options if option != first)]
    return st.selectbox(label, ordered, key=key, **more, **KEPT)


def prompt_editor(method: str) -> None:
    """Normal and abnormal texts as lists, one a line, and the class word; the same everywhere.

    Above them what is learned of the prompts, where something is.
    """
    if note := methods.METHODS[method].prompt_note:
        st.caption(note)
    st.text_area("Normal texts, one a line", key="normal", height=130, **KEPT)
    st.text_area("Abnormal texts, one a line", key="abnormal", height=130, **KEPT)
    st.text_input("Class word, in place of {}", key="class_name", max_chars=80, **KEPT)


def _subject(subjects: tuple[Subject, ...]) -> Subject:
    ordered = sorted(subjects, key=lambda subject: subject.split != "test")  # test subjects on top
    usable = {subject.id: subject for subject in ordered if not subject.problem}
    if not usable:
        st.error("No subject of this data set can be used; the Setup page says what each lacks.")
        st.stop()
    chosen = _pick("Subject", list(usable), "subject", next(iter(usable)))
    subject, refused = usable[chosen], len(subjects) - len(usable)
    words = [f"A {subject.split} subject."] if subject.split else []
    words += subject.notes
    if refused:
        words.append(f"{refused} of {len(subjects)} subjects cannot be used: see Setup.")
    if words:
        st.caption(plain(" ".join(words)))
    return subject


def _setup(method: str) -> str:
    names = [setup.setup for setup in setups.available(method)]
    if not names:
        st.error(f"No weights for '{method}' were found; the Setup page says what is missing.")
        st.stop()
    setup = _pick("Training setup", names, "setup", "brats" if "brats" in names else names[0])
    note = setups.find(method, setup).provenance
    hidden = len(setups.of_method(method)) - len(names)
    st.caption(note if (method, setup) in setups.SETUPS else plain(note))
    if hidden:
        st.caption(f"{hidden} more of this method cannot be used yet: see Setup, Weights.")
    return setup


def all_prompts() -> dict[str, PromptSet]:
    """Shipped prompt sets, then the user's own; what they leave open as "object" is a brain.

    Only where vectors were learned beside the word does it stay.
    """
    kept = {method.prompts for method in methods.METHODS.values() if method.prompt_note}
    found = {**prompt_sets.shipped(), **prompt_sets.user_sets(settings.prompt_folder())}
    return {
        name: replace(one, class_name=CLASS_WORD)
        if one.class_name == "object" and name not in kept
        else one
        for name, one in found.items()
    }


def _prompts(method: str, editable: bool) -> PromptSet:
    found = all_prompts()
    if not methods.METHODS[method].prompts:
        return found[usual_prompts(method)]
    fresh = "prompts_of" not in st.session_state  # then the address may hold edited texts
    _follow_method(method, found)
    usual = usual_prompts(method)
    chosen = _pick("Prompts", list(found), "prompts", usual, on_change=_forget_texts)
    base = found[chosen]
    for key, text in _texts(base).items():
        st.session_state.setdefault(key, st.query_params.get(key, text) if fresh else text)
    if editable:
        with st.expander("Edit prompts"):
            prompt_editor(method)
    return edited(base)


def usual_prompts(method: str) -> str:
    """A trained method reads the texts it was trained with, others words of appearance."""
    kind = methods.METHODS[method]
    return kind.prompts if kind.learned else "appearance"


def _follow_method(method: str, found: dict[str, PromptSet]) -> None:
    """Another method brings its usual prompts, unless the user chose or edited some."""
    state, last = st.session_state, st.session_state.get("prompts_of", method)
    state["prompts_of"] = method
    usual = usual_prompts(last)
    if last != method and state.get("prompts") == usual and edited(found[usual]) == found[usual]:
        state.pop("prompts")
        _forget_texts()


def _forget_texts() -> None:
    for key in ("normal", "abnormal", "class_name"):
        st.session_state.pop(key, None)


def _texts(base: PromptSet) -> dict[str, str]:
    """What the editor's fields hold for a set, by their keys."""
    normal, abnormal = "\n".join(base.normal), "\n".join(base.abnormal)
    return {"normal": normal, "abnormal": abnormal, "class_name": base.class_name}


def edited(base: PromptSet) -> PromptSet:
    """The set with the texts as they stand in the editor; the set itself where nothing differs."""
    texts = {key: st.session_state.get(key, text) for key, text in _texts(base).items()}
    changes = {
        "normal": _lines(texts["normal"]),
        "abnormal": _lines(texts["abnormal"]),
        "class_name": texts["class_name"].strip() or base.class_name,
    }
    found = replace(base, **changes)
    return found if found == base else replace(found, name=f"{base.name} (edited)")


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _apply_requests() -> None:
    """Choices made elsewhere on a page, applied before the widgets that hold them are drawn."""
    for key in ("rule", "subject", "method", "setup"):
        if f"_{key}" in st.session_state:
            st.session_state[key] = st.session_state.pop(f"_{key}")


def _rules(held_out: list[str]) -> tuple[ReadoutSpec, str]:
    offered = [rule for rule in RULES if held_out or rule != "validation"]
    rule = _pick("Threshold rule", offered, "rule", offered[0])
    st.caption(
        RULES[rule]
        if held_out
        else f"{RULES[rule]} No validation threshold: no validation subject here has a truth."
    )
    with st.expander("Readout"):
        empty = st.selectbox(
            "Slices in a mean Dice",
            list(EMPTY_SLICES),
            key="empty",
            format_func=EMPTY_SLICES.get,
            **KEPT,
        )
        brain_only = st.toggle("Mask inside the brain only", value=True, key="brain", **KEPT)
        smallest = st.slider("Drop components under … voxels", 0, 200, 0, 5, key="smallest", **KEPT)
        centre = st.selectbox("Depth 0 is the", ["middle", "centroid"], key="centre", **KEPT)
    return ReadoutSpec(128, brain_only, smallest, empty, centre), rule
