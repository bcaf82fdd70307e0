"""The Setup page's form for a folder: what lies in it, what of it is the lesion, adding it."""

from dataclasses import replace

import streamlit as st

from pages.ui.shell import compute, session
from pages.ui.shell.markdown import escape
from zsad_core.base import settings
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.errors import ZsadError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets import Dataset
from zsad_core.imaging.datasets.folder import MODALITY
from zsad_core.types import DataSpec

CONVENTIONS = {
    "auto": "whole tumour, by the file names",
    "2021": "whole tumour of 2021: 1, 2, 4",
    "2023": "whole tumour of 2023 and later: 1, 2, 3",
    "": "labels of your choice",
}
LONGEST = 40  # characters of a word
SHOWN = 8  # modalities in a sentence


def new_root() -> None:
    """A field for the path; below it what was recognised there, until it is added."""
    st.markdown("**A folder on this machine**")
    with st.form("look", border=False):
        columns = st.columns([6, 1], vertical_alignment="bottom")
        path = columns[0].text_input("Folder that holds the scans", placeholder="/data/BraTS-MET")
        if columns[1].form_submit_button("Look", width="stretch"):
            session.NEW_ROOT.pop()
            session.CHANGED_ROOT.pop()
            try:
                session.NEW_ROOT.set(_recognised(path.strip()))
            except ZsadError as error:
                st.error(escape(str(error)))
    if (spec := session.NEW_ROOT.get()) is not None:
        proposal(spec, "Add")


def afresh(spec: DataSpec) -> Dataset:
    """The data set as its files are now, whatever was known of them; raises DataError."""
    datasets.forget(spec)
    compute.engine().forget()
    _labels.clear()
    return datasets.open_dataset(spec)


def _recognised(path: str) -> DataSpec:
    """The data in a folder: as they were added before, else by the names of files."""
    with st.spinner("Reading the folder …"):
        spec = settings.resolved(DataSpec(root=path))
        known = {added.root: added for added in reversed(settings.data_roots().values())}
        return known.get(spec.root) or replace(spec, kind=datasets.layout_of(spec.root))


def proposal(spec: DataSpec, label: str) -> None:
    """What is to be added or changed, for the user to accept by a button, correct or leave."""
    left, right = st.columns(2)
    titles = {kind: layout.TITLE for kind, layout in datasets.LAYOUTS.items()}
    first, key = list(titles).index(spec.kind), f"layout-{spec.root}"
    kind = left.selectbox("Layout", list(titles), first, titles.__getitem__, key=key)
    try:
        with st.spinner("Reading the folder …"):
            dataset = datasets.open_dataset(DataSpec(kind, spec.root))
            labels = _labels(DataSpec(kind, spec.root))
    except ZsadError as error:
        st.error(escape(str(error)))
        return
    st.info(escape(description(dataset, labels)))
    with right:
        lesion = _lesion(kind, labels, spec)
    what, key = "What the scans show; prompts use it as their class name.", f"region-{spec.root}"
    region = left.text_input("Region", spec.region, LONGEST, key=key, help=what)
    contrast = ""
    if kind == "folder":
        what, key = "Their modality, such as FLAIR.", f"contrast-{spec.root}"
        contrast = right.text_input(
            "Contrast of the scans", spec.contrast, LONGEST, key, help=what, placeholder=MODALITY
        )
    words = {"region": region.strip() or DataSpec.region, "contrast": contrast.strip()}
    add, leave, _ = st.columns([1, 1, 5])
    if add.button(label, type="primary", width="stretch", disabled=not lesion):
        _add(replace(spec, kind=kind, labels=lesion, **words))
    if leave.button("Cancel", width="stretch"):
        _close()


def description(dataset: Dataset, labels: dict[int, str]) -> str:
    """What a folder holds, in a line: cases, those with a truth, modalities and labels."""
    subjects = dataset.subjects()
    modalities = list(dict.fromkeys(name for subject in subjects for name in subject.modalities))
    broken = sum(bool(subject.problem) for subject in subjects)
    more = ", …" if len(modalities) > SHOWN else ""
    named = ", ".join(_label_words(label, name) for label, name in labels.items())
    has_names = any(name != f"{label}" for label, name in labels.items())
    parts = (
        counted(len(subjects), "subject"),
        f"{sum(subject.has_truth for subject in subjects)} with a segmentation",
        counted(len(modalities), "modality") + f" ({', '.join(modalities[:SHOWN])}{more})",
        f"labels {'mean ' * has_names}{named}" if labels else "",
        f"{broken} that cannot be used" if broken else "",
    )
    return f"{dataset.title}: {', '.join(filter(None, parts))}."


def _label_words(label: int, name: str) -> str:
    """A label with its name, where it has one of its own."""
    return f"{label}" if name == f"{label}" else f"{label} {name}"


@st.cache_data(max_entries=4, show_spinner=False)
def _labels(spec: DataSpec) -> dict[int, str]:
    return datasets.labels_of(datasets.open_dataset(spec))


def _lesion(kind: str, labels: dict[int, str], spec: DataSpec) -> str:
    """The meaning of labels as it stands in a `DataSpec`; "" while no label is chosen."""
    key = f"{kind}-{spec.root}"
    if kind == "brats":
        rules = list(CONVENTIONS)
        first = rules.index(spec.labels if spec.labels in rules else "")
        words = CONVENTIONS.__getitem__
        if rule := st.selectbox("Lesion", rules, first, words, key=f"convention-{key}"):
            return rule
    if not labels:
        return "auto"
    usual = [label for label, name in labels.items() if name != "ignore"]
    before = [int(text) for text in spec.labels.split(",") if text.isdecimal()]
    chosen = st.multiselect(
        "Labels that are the lesion",
        list(labels),
        [label for label in before if label in labels] or usual,
        format_func=lambda label: _label_words(label, labels[label]),
        placeholder="Choose at least one",
        key=f"lesion-{key}-{key_of('', labels=labels)}",  # what they are called follows the files
    )
    if sorted(chosen) == sorted(usual) and kind != "brats":
        return "auto"
    return ",".join(map(str, sorted(chosen)))


def _add(spec: DataSpec) -> None:
    """Keep a folder that holds scans of its layout."""
    try:
        afresh(replace(spec, split=""))  # a split of it may be missing
        session.ADDED_ROOT.set(settings.remember(spec))
    except ZsadError as error:
        st.error(escape(str(error)))
        return
    _close()


def _close() -> None:
    session.NEW_ROOT.pop()
    session.CHANGED_ROOT.pop()
    st.rerun()
