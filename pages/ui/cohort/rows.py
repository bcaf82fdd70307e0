"""Rows of a results folder, read with DuckDB and remembered until its files change; downloads."""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast
from zipfile import ZIP_DEFLATED, ZipFile

import duckdb
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui.shell import compute, download, exposure, session
from pages.ui.shell.markdown import escape
from zsad_core.base.paths import home, shortened, typed
from zsad_core.errors import SettingError
from zsad_core.metrics.dice import EmptySlices
from zsad_core.report import captions, failures, measures
from zsad_core.report import tables as table_rows
from zsad_core.report.comparison_groups import ComparisonGroup
from zsad_core.report.comparison_groups import comparison_groups as groups_of
from zsad_core.report.failures import FailureCases
from zsad_core.report.ledgers import ledgers
from zsad_core.report.measures import Curves, GroupSums
from zsad_core.report.selection import (
    NUMBERS,
    THIRDS,
    VOLUMES,
    ConfigurationName,
    Selection,
    Third,
    filter_rows,
)
from zsad_core.report.table_text import Table
from zsad_core.results import parquet as results
from zsad_core.results.conventions import Which
from zsad_core.results.parquet import Stamp
from zsad_core.results.parts import readable
from zsad_core.results.slice_sums import Centre
from zsad_core.types import DataSpec

P_VALUES = ("p", "p (Holm)")
StampedFolder = tuple[str, Stamp]
"""A results folder and its stamp: the key under which what was read is remembered."""


def folder(data: DataSpec) -> Path:
    """The results folder, chosen on any page for all; rows of uploads are seen by nobody else.

    Without one it is the usual one. Raises SettingError for a file.
    """
    if data.private:
        return Path(data.root) / "results"
    usual = shortened(home() / "results")
    session.RESULTS_FOLDER.setdefault(usual)
    folder = session.widget(session.RESULTS_FOLDER)
    chosen = st.text_input("Results folder", placeholder=usual, **folder).strip()
    path = typed(chosen or usual)
    if path.is_file():
        raise SettingError(f"'{chosen}' is a file; give the folder of the results.")
    of_study = path / "rows"
    return of_study if (of_study / "subjects").is_dir() else path


@st.cache_resource(max_entries=4, show_spinner=False)
def _connection(root: str, stamp: Stamp) -> duckdb.DuckDBPyConnection:
    return results.opened(Path(root))


@contextmanager
def rows_of(root: str, stamp: Stamp) -> Iterator[duckdb.DuckDBPyConnection]:
    """A cursor of its own on the rows, for this thread; raises DataError for damaged ones."""
    with readable(Path(root)):
        yield _connection(root, stamp).cursor()


@st.cache_data(max_entries=8, show_spinner=False)
def comparison_groups(root: str, stamp: Stamp) -> list[ComparisonGroup]:
    """What can be compared; the stamp is part of the key."""
    with rows_of(root, stamp) as rows:
        return groups_of(rows)


@st.cache_resource(max_entries=4, show_spinner="Reading the rows …")
def _reading(root: str, stamp: Stamp, convention: Selection) -> GroupSums:
    """By reference, since a copy takes longer than what is done with it; nobody changes it."""
    with rows_of(root, stamp) as rows:
        return measures.group_sums(rows, convention)


def reading(root: str, stamp: Stamp, chosen: Selection) -> GroupSums:
    """`measures.group_sums`, once for all filters."""
    return _reading(root, stamp, measures.whole_group(chosen))


@st.cache_resource(max_entries=16, show_spinner=False)
def dice(root: str, stamp: Stamp, chosen: Selection) -> pd.DataFrame:
    """`measures.dice_table` of a selection; never changed by who reads it."""
    return measures.dice_table(reading(root, stamp, chosen), chosen)


def values(root: str, stamp: Stamp, chosen: Selection) -> dict[str, list[str]]:
    """What each filter offers, in the order of its groups."""
    frame = reading(root, stamp, chosen).frame
    return {
        "series": sorted(frame["series"].unique()),
        "setups": list(frame["setup"].cat.categories),
        "volumes": [volume for volume in VOLUMES if (frame["volume"] == volume).any()],
        "numbers": [number for number in NUMBERS if (frame["number"] == number).any()],
        "sites": sorted(frame["site"].unique()),
        "backbones": sorted({*frame["backbone"]} - {""}),
        "exposed": sorted(frame.loc[frame["exposed"], "subject"].unique()),
    }


def series(root: str, stamp: Stamp, chosen: Selection) -> list[str]:
    """The names of all series of a selection, which have one style in every figure of it."""
    frame = filter_rows(reading(root, stamp, chosen).frame, chosen)
    return sorted(frame["series"].unique())


def slices_in_mean(empty: EmptySlices) -> Which:
    """The slices that may count; where those with lesion alone do, no others are left to choose."""
    return "all" if empty == "lesion_only" else cast(Which, session.SLICES_IN_MEAN.get())


def pick_third(column: DeltaGenerator, widget: dict[str, Any]) -> Third:
    """A list of the thirds of the depth, "" for all of it."""
    thirds: tuple[Third, ...] = ("", *THIRDS)
    return column.selectbox(
        "Third of the depth", thirds, format_func=lambda third: third or "all", **widget
    )


@st.cache_data(max_entries=8, show_spinner="Reading the rows …")
def _ledgers(root: str, stamp: Stamp, chosen: Selection) -> pd.DataFrame:
    with rows_of(root, stamp) as rows:
        return ledgers(rows, filter_rows(reading(root, stamp, chosen).frame, chosen))


def seen(source: StampedFolder, chosen: Selection) -> None:
    """What has each number seen: a line a configuration, exposed subjects among them."""
    table = _ledgers(*source, replace(chosen, exposed=True))
    known = table.loc[table["known overlaps"] != "", ["series", "setup", "known overlaps"]]
    for series, setup, words in known.itertuples(index=False):
        st.warning(escape(f"{series} · {setup}: {words}."), icon=":material/join_inner:")
    with st.expander(exposure.TITLE, key="box-exposure"):
        st.dataframe(table.rename(columns={"series": "method"}), hide_index=True, key="seen")
        st.caption(captions.SEEN)


@st.cache_data(max_entries=32, show_spinner="Reading the rows …")
def _quartiles(
    root: str, stamp: Stamp, convention: Selection, drawn: tuple[ConfigurationName, ...]
) -> pd.DataFrame:
    frame = reading(root, stamp, convention).frame
    names = pd.MultiIndex.from_frame(frame[["setup", "series"]].astype(str))
    with rows_of(root, stamp) as rows:
        return measures.quartiles(rows, frame[names.isin(drawn)], convention)


def quartiles(
    root: str, stamp: Stamp, chosen: Selection, drawn: tuple[ConfigurationName, ...]
) -> pd.DataFrame:
    """`measures.quartiles` of some configurations, once for all filters of subjects."""
    every = Selection(chosen.group, empty=chosen.empty, which=chosen.which, centre=chosen.centre)
    convention = replace(every, third=chosen.third, others=chosen.others)
    return _quartiles(root, stamp, convention, drawn)


@st.cache_data(max_entries=32, show_spinner="Resampling patients …")
def means(root: str, stamp: Stamp, chosen: Selection) -> pd.DataFrame:
    """`measures.means` of a selection."""
    return measures.means(dice(root, stamp, chosen))


@st.cache_data(max_entries=32, show_spinner="Resampling patients …")
def curves(root: str, stamp: Stamp, chosen: Selection) -> Curves:
    """`measures.curves` of a selection."""
    return measures.curves(reading(root, stamp, chosen), chosen)


@st.cache_resource(max_entries=4, show_spinner="Reading the rows …")
def cases(root: str, stamp: Stamp, group: ComparisonGroup, centre: Centre) -> FailureCases:
    """`failures.cases` of a comparison group; never changed by who reads it."""
    with rows_of(root, stamp) as rows:
        return failures.cases(rows, group, centre)


@st.cache_data(max_entries=16, show_spinner="Reading the rows …")
def tables(root: str, stamp: Stamp, chosen: Selection) -> list[Table]:
    """`tables.tables` of a selection."""
    with rows_of(root, stamp) as rows:
        return table_rows.tables(rows, reading(root, stamp, chosen), chosen)


def show_numbers(frame: pd.DataFrame, key: str) -> None:
    """A table with three decimals; digits where these would show a p value or share as 0 or 1."""
    formats = {
        name: st.column_config.NumberColumn(format=_format(name))
        for name in map(str, frame.select_dtypes("float"))
    }
    st.dataframe(frame, hide_index=True, column_config=formats, key=key)


def _format(name: str) -> str:
    if name in P_VALUES:
        return "%.2g"
    return "%.4g" if name.endswith("share") or name.startswith("rank ") else "%.3f"


def downloads(source: StampedFolder, chosen: Selection, data: DataSpec) -> None:
    """All rows as CSV, and the figures and tables of the selection when asked for."""
    left, right, _ = st.columns([1, 1, 2])
    export = partial(results.export_csv, Path(source[0]))
    with left:
        download.button("All rows as CSV", partial(_zipped, export), "rows.zip", key="get-rows")
    with right:
        download.button(
            "Figures and tables",
            partial(_zipped, partial(_figures, source, chosen, data)),
            "figures.zip",
            key="get-figures",
            help="SVG, PNG and HTML; tables as CSV, Markdown and LaTeX. Takes some seconds.",
        )


def _figures(source: StampedFolder, chosen: Selection, data: DataSpec, folder: Path) -> None:
    from zsad_core.report import figures  # Matplotlib, for this download alone

    with rows_of(*source) as rows:
        maps = figures.Maps(compute.engine(), [data], encode=False)
        figures.write(rows, chosen, folder, maps)


def _zipped(write: Callable[[Path], object]) -> bytes:
    """What is written to an empty folder, as a zip file."""
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as name, ZipFile(out, "w", ZIP_DEFLATED) as archive:
        write(Path(name))
        for path in sorted(Path(name).iterdir()):
            archive.write(path, path.name)
    return out.getvalue()
