"""Rows of a results folder, read with DuckDB and remembered until its files change; downloads."""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pandas as pd
import streamlit as st

from zsad_core import results
from zsad_core.cohort import selection
from zsad_core.cohort import tables as table_rows
from zsad_core.cohort.charts import Curves
from zsad_core.cohort.selection import Selection, Sheet
from zsad_core.cohort.tables import Table

Stamp = tuple[int, int, int]
Source = tuple[str, Stamp]
"""A results folder and its stamp: the key under which what was read is remembered."""


def stamp(root: Path) -> Stamp:
    """Files there, the last change and their size: another one means other rows."""
    found = [path.stat() for path in results.files(root, "subjects")]
    return (
        len(found),
        max((one.st_mtime_ns for one in found), default=0),
        sum(one.st_size for one in found),
    )


@st.cache_data(max_entries=8, show_spinner=False)
def sheets(root: str, stamp: Stamp) -> list[Sheet]:
    """What can be compared; the stamp is part of the key."""
    with _rows(root) as rows:
        return selection.sheets(rows)


@st.cache_data(max_entries=16, show_spinner=False)
def values(root: str, stamp: Stamp, chosen: Selection) -> dict[str, list[str]]:
    """What each filter offers."""
    with _rows(root) as rows:
        found = selection.runs(rows, chosen)
    return {
        "line": sorted(set(found["line"])),
        "setup": list(found["setup"].cat.categories),
        "volume": sorted(set(found["volume"])),
    }


@st.cache_data(max_entries=32, show_spinner="Reading the rows …")
def measured(root: str, stamp: Stamp, chosen: Selection) -> pd.DataFrame:
    """`selection.measured` of a selection."""
    with _rows(root) as rows:
        return selection.measured(rows, selection.runs(rows, chosen), chosen)


@st.cache_data(max_entries=32, show_spinner="Reading the rows …")
def curves(root: str, stamp: Stamp, chosen: Selection) -> Curves:
    """`selection.curves` of a selection."""
    with _rows(root) as rows:
        return selection.curves(rows, selection.runs(rows, chosen), chosen)


@st.cache_data(max_entries=16, show_spinner="Reading the rows …")
def tables(root: str, stamp: Stamp, chosen: Selection) -> list[Table]:
    """`tables.tables` of a selection."""
    with _rows(root) as rows:
        return table_rows.tables(rows, chosen)


def downloads(source: Source, chosen: Selection) -> None:
    """All rows as CSV, and the figures and tables of the selection when asked for."""
    root, _ = source
    left, right, _ = st.columns([1, 1, 2])
    left.download_button(
        "All rows as CSV", lambda: _csv(root), "rows.zip", on_click="ignore", key="get-rows"
    )
    right.download_button(
        "Figures and tables",
        lambda: _figures(root, chosen),
        "figures.zip",
        on_click="ignore",
        key="get-figures",
        help="SVG, PNG and HTML; tables as CSV, Markdown and LaTeX. Takes some seconds.",
    )


def _csv(root: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        results.export_csv(Path(root), Path(folder))
        return _zipped(Path(folder))


def _figures(root: str, chosen: Selection) -> bytes:
    from zsad_core.cohort import figures  # Matplotlib, for this download alone

    with tempfile.TemporaryDirectory() as folder, _rows(root) as rows:
        figures.write(rows, chosen, Path(folder))
        return _zipped(Path(folder))


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return out.getvalue()


@contextmanager
def _rows(root: str) -> Iterator[duckdb.DuckDBPyConnection]:
    with results.connect(Path(root)) as rows:
        yield rows
