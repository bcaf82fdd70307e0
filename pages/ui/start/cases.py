"""Cases to begin with on the start page: a live one, and one of each kind of failure."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.shell import compute, navigate
from pages.ui.shell.keyboard import palette
from pages.ui.shell.markdown import escape
from pages.ui.shell.pictures import draw
from pages.ui.shell.sidebar import SidebarValues
from zsad_core import methods
from zsad_core.base.palette import Classes
from zsad_core.base.store import key_of
from zsad_core.inference import pipeline, thumbnails
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.metrics.threshold_rules import Oracle
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.types import ByteArray, DataSpec, Progress, SliceSpec

METHOD, SETUP = "intensity", "zero-shot"  # shipped, and in no home
MOST = 4  # subjects read
COLUMNS = 4  # of tiles


@dataclass(frozen=True)
class StartCase:
    """Slice `index` of a row, and what is to be seen there."""

    title: str
    words: str
    row: Mapping[str, Any]
    index: int


@dataclass(frozen=True)
class Tile:
    """A view with its picture, and what is to be seen there."""

    title: str
    words: str
    view: View
    picture: ByteArray


def cases(selected: SidebarValues, getting_ready: threading.Thread) -> None:
    """Tiles that open their view in Explore, as soon as a job has drawn them.

    The job waits for what gets ready, and for all that a user looks at.
    """
    data, modality, first = selected.slices.data, selected.slices.modality, selected.subject
    if data.private or not first.evaluable(modality):
        return
    same_split = [subject for subject in selected.subjects if subject.split == first.split]
    usable = (subject.id for subject in same_split if subject.evaluable(modality))
    chosen = list(dict.fromkeys([first.id, *usable]))[:MOST]
    engine, colours = compute.engine(), palette()
    st.subheader("Start from a case")
    tiles = compute.job_result(
        f"tiles-{key_of('', data=data, subjects=chosen, modality=modality, colours=colours)}",
        "Drawing cases to begin with",
        partial(_tiles, engine, data, chosen, modality, colours, getting_ready),
        "",
    )
    for column, tile in zip(st.columns(COLUMNS), tiles or (), strict=False):
        with column.container(border=True, height="stretch"):
            draw(tile.picture)
            st.markdown(f"**{tile.title}**")
            st.caption(escape(tile.words))
            if st.button("Open", key=f"tile-{tile.title}", width="stretch"):
                navigate.to(tile.view)
    if tiles:
        st.caption(
            "Maps of the image intensity, which needs no weights, at the threshold of the best "
            "Dice of each subject (uses the ground truth)."
        )


def _tiles(
    engine: Engine,
    data: DataSpec,
    subjects: Sequence[str],
    modality: str,
    colours: Classes,
    getting_ready: threading.Thread,
    progress: Progress,
) -> list[Tile]:
    """The first subject at its slice with most lesion, then the worst case of each kind."""
    while getting_ready.is_alive():
        progress(0, len(subjects))
        getting_ready.join(0.2)
    engine.jobs.give_way(partial(progress, 0, len(subjects)))
    # Tables and DuckDB, which the first page does not need.
    from zsad_core.evaluation.row_views import scan_of, view_of

    tiles = []
    for case in _chosen(data, _evaluated(engine, data, subjects, modality, progress), subjects):
        view = view_of(engine, case.row, scan_of(engine, case.row, [data]), case.index, None)
        picture = thumbnails.thumbnail(engine, view, colours)
        tiles.append(Tile(case.title, case.words, view, picture))
    return tiles


def _evaluated(
    engine: Engine, data: DataSpec, subjects: Sequence[str], modality: str, progress: Progress
) -> list[str]:
    """Keys of the rows of the subjects, made where they lack, at each one's oracle threshold."""
    from zsad_core.evaluation import rows
    from zsad_core.evaluation.rows import Results
    from zsad_core.evaluation.validation import app_rows

    keys, into = list[str](), Results(app_rows(data))
    for number, subject in enumerate(subjects):
        step = partial(progress, number, len(subjects))
        slices = SliceSpec(data, subject, modality)
        engine.jobs.give_way(step)
        engine.stack(slices)
        engine.jobs.give_way(step)
        spec = pipeline.map_spec(engine, slices, METHOD, SETUP, NO_PROMPTS, home=None)
        keys += rows.make(engine, spec, into, [Oracle().pending])
    return keys


def _chosen(data: DataSpec, keys: Sequence[str], subjects: Sequence[str]) -> list[StartCase]:
    """The first row at its slice with most lesion, then the worst case of each kind."""
    from zsad_core.evaluation.validation import app_rows
    from zsad_core.report import failures
    from zsad_core.report.comparison_groups import comparison_group_of
    from zsad_core.report.selection import Selection
    from zsad_core.report.single_rows import row_of, slice_of_most_lesion
    from zsad_core.results import parquet as results

    out = app_rows(data)
    keys = [key for key in keys if results.read(out, "subjects", key)]  # of those with a lesion
    if not keys:
        return []
    with results.connect(out) as connection:
        group = comparison_group_of(connection, keys[0])
        every = failures.cases(connection, group)
        row, index = row_of(connection, keys[0]), slice_of_most_lesion(connection, keys[0])
    words = f"{row['subject']} · slice {index + 1} · 3D Dice {row['dice_3d']:.2f}"
    chosen = {(row["subject"], index): StartCase("A live case", words, row, index)}
    names, whom = (methods.name_of(METHOD),), tuple(subjects)
    selection = Selection(group, series=names, setups=(SETUP,), subjects=whom)
    ranking = failures.failures(every, failures.ranking(every, selection))
    titles = {
        failures.MISSED: "Missed lesion",
        failures.ALARM: "False alarm",
        failures.APART: "Wrong place",
    }
    for kind, title in titles.items():
        for case in ranking:
            place = (case.subject, case.index)
            if case.kind == kind and case.row["key"] in keys and place not in chosen:
                words = f"{case.subject} · slice {case.index + 1}. {case.why}"
                chosen[place] = StartCase(title, words, case.row, case.index)
                break
    return [*chosen.values()]
