"""The Setup page's predictions: sets made elsewhere, and a form that shows what matches first."""

from dataclasses import replace
from typing import Literal

import pandas as pd
import streamlit as st

from pages.ui.shell import audit, compute, session
from pages.ui.shell.markdown import escape
from zsad_core import methods
from zsad_core.base import settings
from zsad_core.base.wording import counted
from zsad_core.cli.predictions import description
from zsad_core.errors import DataError
from zsad_core.imaging import datasets
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.matching import Survey, survey
from zsad_core.imaging.predictions.reading import score_range
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.types import DataSpec

KEY = "predictions"  # of the message about the last set added
KINDS: dict[Literal["mask", "score"], str] = {
    "mask": "masks: 0 and 1, or labels",
    "score": "score maps: higher is more abnormal",
}
HOW = (
    "Masks or score maps that another model made (nnU-Net, MedSAM, your own), one NIfTI file a "
    "subject, named by the subject's id. Axes are turned by the affine; another grid is refused "
    "unless you choose to resample, which is then stated beside every number."
)


def predictions() -> None:
    """The sets that are kept for each data root, and the way to add one."""
    st.caption(HOW)
    roots = settings.data_roots()
    for name, spec in roots.items():
        for entry in registry.sets_of(spec):
            _kept(name, spec, entry)
    _form(roots)


def _kept(root: str, spec: DataSpec, entry: Predictions) -> None:
    with st.container(border=True):
        head, drop = st.columns([7, 1], vertical_alignment="center")
        head.markdown(f"**{escape(entry.name)}** for {escape(settings.shown_name(root))}")
        head.caption(escape(f"{description(entry)} · {entry.folder}"))
        if drop.button("Forget", key=f"forget-{root}-{entry.name}", help="The files stay."):
            registry.remove(spec, entry.name)
            audit.note("deletion", f"predictions {entry.name}")
            compute.engine().forget()
            st.rerun()


def _form(roots: dict[str, DataSpec]) -> None:
    st.subheader("Add predictions")
    if added := session.notice(KEY):
        st.success(escape(added))
    left, right = st.columns(2)
    shown = settings.shown_name
    root = left.selectbox("For the data", list(roots), format_func=shown, key="predictions-data")
    folder = left.text_input("Folder that holds the predictions", key="predictions-folder").strip()
    name = left.text_input("Name", "", 40, key="predictions-name", placeholder="nnunet-v2").strip()
    words = KINDS.__getitem__
    kind = left.selectbox("Values", list(KINDS), format_func=words, key="predictions-kind")
    labels = _labels(left) if kind == "mask" else ()
    provenance = right.text_area("Made by", placeholder="model, version, weights", max_chars=500)
    trained = right.text_area("Trained on", placeholder="data, subjects, folds", max_chars=500)
    resample = right.checkbox("Resample files that lie on another grid")
    if not folder or not name:
        st.caption("Enter a folder and a name; matches are shown before anything is added.")
        return
    made = Predictions(name, folder, kind, labels, resample=resample)
    made = replace(made, provenance=provenance.strip(), trained_on=trained.strip())
    registry.check_new(roots[root], made, methods.METHODS)
    matches = survey(made.folder, (s.id for s in datasets.open_dataset(roots[root]).subjects()))
    _matched(matches)
    if matches.problem:
        st.warning(escape(matches.problem))
    elif st.button(f"Add for {counted(len(matches.matched), 'subject')}", type="primary"):
        _add(root, roots[root], made, matches)


def _labels(place: st.delta_generator.DeltaGenerator) -> tuple[int, ...]:
    text = place.text_input("Labels that make the mask", "1", key="predictions-labels")
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise DataError(f"'{text}' is no list of labels; write them like 1,2,3.") from error


def _matched(matches: Survey) -> None:
    rows = [(subject, path.name, "matches") for subject, path in matches.matched]
    for subject, paths in matches.doubles:
        rows.append((subject, ", ".join(path.name for path in paths), "several files"))
    rows += [(subject, "", "no file") for subject in matches.missing]
    rows += [("", path.name, "no subject") for path in matches.unmatched]
    table = pd.DataFrame(rows, columns=["subject", "file", "state"])
    st.dataframe(table, hide_index=True, height=220)


def _add(root: str, spec: DataSpec, made: Predictions, matches: Survey) -> None:
    if made.kind == "score":
        with st.spinner("Reading the range of all files …"):
            low, high = score_range([path for _, path in matches.matched])
        made = replace(made, low=low, high=high)
    registry.add(spec, made, methods.METHODS)
    what = f"Added {made.name} for {root}"
    session.notify(
        KEY, f"{what}; choose {methods.name_of(methods.FILES)} as the method on any page."
    )
    session.request({"predictions-folder": "", "predictions-name": ""})
    st.rerun()
