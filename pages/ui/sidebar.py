"""The shared sidebar: widgets in, specs out. It owns the session keys and the page's address."""

from dataclasses import dataclass, replace

import streamlit as st

from pages.ui.compute import engine, plain, show_running
from zsad_core import datasets, evaluation, methods, pipeline, prompt_sets, settings, setups
from zsad_core.types import DataSpec, MapSpec, PromptSet, ReadoutSpec, SliceSpec, Subject

RULES = {
    "validation": "validation: best on validation subjects",
    "fixed": "fixed: the slider",
    "oracle": "oracle: best on this subject (saw the truth)",
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
        name = st.selectbox(
            "Data",
            list(roots),
            index=list(roots).index(settings.default_root()),
            key="data",
            format_func=_data_title,
            **KEPT,
        )
        dataset = datasets.open_dataset(roots[name])
        subjects = dataset.subjects()
        if dataset.synthetic:
            st.caption(":orange-badge[synthetic] Demo scans and a demo CLIP, not patients.")
        subject = _subject(subjects)
        modality = st.selectbox("Modality", subject.modalities, key="modality", **KEPT)
        names = list(methods.METHODS)
        first = next((n for n in ("aprilgan", "winclip") if setups.available(n)), names[0])
        method = st.selectbox(
            "Method",
            names,
            index=names.index(first),
            key="method",
            format_func=_method_title,
            **KEPT,
        )
        setup = _setup(method)
        prompts = _prompts(method, edit_prompts)
        readout, rule = _rules(evaluation.validation_subjects(subjects, modality))
        show_running()
    slices = SliceSpec(roots[name], subject.id, modality)
    spec = pipeline.map_spec(engine(), slices, method, setup, prompts)
    return Choice(roots[name], subject, subjects, spec, readout, rule, dataset.synthetic)


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
    usable = {subject.id: subject for subject in subjects if not subject.problem}
    if not usable:
        st.error("No subject of this data set can be used; the Setup page says what each lacks.")
        st.stop()
    first = next((s.id for s in usable.values() if s.split == "test"), next(iter(usable)))
    chosen = st.selectbox(
        "Subject",
        list(usable),
        index=list(usable).index(first),
        key="subject",
        format_func=lambda name: _subject_title(usable[name]),
        **KEPT,
    )
    refused = len(subjects) - len(usable)
    if refused:
        st.caption(f"{refused} of {len(subjects)} subjects cannot be used: see Setup.")
    return usable[chosen]


def _subject_title(subject: Subject) -> str:
    return f"{subject.id} · {subject.split}" if subject.split else subject.id


def _data_title(name: str) -> str:
    return "Demo cohort (synthetic)" if name == "demo" else name


def _method_title(name: str) -> str:
    return methods.METHODS[name].title


def _setup(method: str) -> str:
    names = [setup.setup for setup in setups.available(method)]
    if not names:
        st.error(f"No weights for '{method}' were found; the Setup page says what is missing.")
        st.stop()
    if st.session_state.get("setup") not in names:
        st.session_state.pop("setup", None)
    best = names.index("brats") if "brats" in names else 0
    setup = st.selectbox("Training setup", names, index=best, key="setup", **KEPT)
    note = setups.find(method, setup).provenance
    st.caption(note if (method, setup) in setups.SETUPS else plain(note))
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
        return found[_usual_prompts(method)]
    _follow_method(method, found)
    names = list(found)
    chosen = st.selectbox(
        "Prompts",
        names,
        index=names.index(_usual_prompts(method)),
        key="prompts",
        on_change=_forget_texts,
        **KEPT,
    )
    base = found[chosen]
    for key, text in _texts(base).items():
        st.session_state.setdefault(key, text)
    if editable:
        with st.expander("Edit prompts"):
            prompt_editor(method)
    return edited(base)


def _usual_prompts(method: str) -> str:
    """A trained method reads the texts it was trained with, others words of appearance."""
    kind = methods.METHODS[method]
    return kind.prompts if kind.learned else "appearance"


def _follow_method(method: str, found: dict[str, PromptSet]) -> None:
    """Another method brings its usual prompts, unless the user chose or edited some."""
    state, last = st.session_state, st.session_state.get("prompts_of", method)
    state["prompts_of"] = method
    usual = _usual_prompts(last)
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
    if st.session_state.get("rule") not in offered:
        st.session_state.pop("rule", None)
    rule = st.selectbox("Threshold rule", offered, key="rule", format_func=RULES.get, **KEPT)
    if not held_out:
        st.caption("No validation threshold: this data has no validation subjects with a truth.")
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
