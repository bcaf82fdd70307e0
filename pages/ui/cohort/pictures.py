"""Figures 4 and 5 on the Cohort page: drawn in the background, each panel opens its slice."""

from functools import partial

import streamlit as st

from pages.ui.cohort import rows as cohort_rows
from pages.ui.shell import compute, navigate, session
from pages.ui.shell.keyboard import palette
from pages.ui.shell.markdown import escape
from pages.ui.shell.pictures import draw
from pages.ui.shell.sidebar import CohortChoice
from zsad_core.base.store import key_of
from zsad_core.base.wording import counted
from zsad_core.inference import views
from zsad_core.report import captions, panels, samples
from zsad_core.report.panels import PanelGrid
from zsad_core.report.samples import SamplePictures
from zsad_core.report.selection import Selection
from zsad_core.types import Progress

WIDEST = 8  # columns of panels


def pictures(choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection) -> None:
    """Both figures, or a sentence that says what they lack and how to get it."""
    if not chosen.group.may_hold(choice.data):
        st.info(
            f"Figures 4 and 5 show scans of {escape(captions.data_of(chosen.group))}; choose that "
            "data in the sidebar to see them."
        )
        return
    if (sample := _drawn(choice, source, chosen)) is None:
        return
    which = escape(captions.sample_caption(sample))
    st.subheader("Figure 4: sample slices with the truth")
    _grid(panels.truth_panels(sample), sample, choice, "figure4")
    st.caption(f"{captions.FIGURE_4} {which}")
    st.subheader("Figure 5: truth against prediction")
    _grid(panels.prediction_panels(sample, palette()), sample, choice, "figure5")
    lacking = escape(captions.omissions(sample))
    st.caption(f"{captions.figure_5(palette())} {which}{lacking}")


def _drawn(
    choice: CohortChoice, source: cohort_rows.StampedFolder, chosen: Selection
) -> SamplePictures | None:
    """What a job drew; until then its progress. What is not stored waits for a press."""
    encode = session.ENCODE_PICTURES.get()
    key = f"pictures-{key_of('', source=source, chosen=chosen, data=choice.data, encode=encode)}"
    sample_pictures: SamplePictures | None = compute.results().peek(key)
    if sample_pictures is None:
        engine, keep = compute.engine(), compute.results()
        frame = cohort_rows.dice(*source, chosen)

        def work(progress: Progress) -> None:
            with cohort_rows.rows_of(*source) as rows:
                sample = samples.sample(rows, frame, chosen.centre)
            keep.put(key, samples.pictures(engine, sample, [choice.data], encode, progress))

        compute.show_job(compute.start_once(key, "Drawing Figures 4 and 5", work))
        return None
    if sample_pictures.missing and not encode:
        of = counted(len(sample_pictures.sample.configurations), "configuration")
        label = f"Compute missing maps for Figure 5: {len(sample_pictures.missing)} of {of}"
        st.button(label, on_click=partial(session.ENCODE_PICTURES.set, True), key="encode-missing")
    return sample_pictures


def _grid(grid: PanelGrid, sample: SamplePictures, choice: CohortChoice, key: str) -> None:
    """The panels, each with a button that opens its view."""
    width = max(WIDEST // 2, len(grid.columns))
    for row, (name, shown) in enumerate(zip(grid.rows, grid.panels, strict=True)):
        if name:
            st.markdown(f"**{escape(name)}**")
        columns = st.columns(width)
        for column, panel in enumerate(shown):
            if panel is None:
                continue
            with columns[column]:
                st.caption(escape(grid.columns[column]))
                if panel.picture is not None:
                    draw(panel.picture)
                if panel.words:
                    st.caption(escape(panel.words))
                pair, name = panel.pair or next(iter(sample.views), None), f"{key}-{row}-{column}"
                if pair in sample.views and st.button("Open in Explore", name, type="tertiary"):
                    navigate.to(views.counted_as(sample.views[pair][panel.index], choice.readout))
