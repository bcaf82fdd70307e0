"""The files of `python -m zsad_core figures`: Figures 1 to 5 and tables of every sheet."""

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from zsad_core.base.atomic import write_whole
from zsad_core.errors import DataError, ZsadError
from zsad_core.inference.engine import Engine
from zsad_core.report import (
    captions,
    chart_looks,
    chart_panels,
    charts,
    depth_charts,
    panels,
    print_panels,
    prints,
    samples,
)
from zsad_core.report.measures import curves, measured, quartiles, read
from zsad_core.report.selection import Selection, Sheet, sheets
from zsad_core.report.table_text import Table, as_latex, as_markdown
from zsad_core.report.tables import tables
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, Progress

PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<body style="font-family: sans-serif">{figure}<p>{caption}</p></body>
"""
NOT_DRAWN = "not_drawn.txt"


@dataclass(frozen=True)
class Maps:
    """Where the maps of Figures 4 and 5 come from; `encode` makes those that are not stored."""

    engine: Engine
    places: Sequence[DataSpec]
    encode: bool = True
    progress: Progress | None = None


def write_all(
    root: Path, out: Path, maps: Maps, choose: Callable[[Sheet], Selection] = Selection
) -> list[Path]:
    """Write every sheet of a results folder into a folder of its own; DataError without rows."""
    written = []
    with results.connect(root) as rows:
        found = sheets(rows)
        if not found:
            raise DataError(f"There are no rows in '{root}'; run python -m zsad_core evaluate.")
        for sheet in found:
            name = re.sub(r"[^a-z0-9]+", "-", str(sheet).lower().replace("threshold: ", ""))
            written += write(rows, choose(sheet), out / name, maps)
    return written


def write(rows: duckdb.DuckDBPyConnection, chosen: Selection, out: Path, maps: Maps) -> list[Path]:
    """Write the figures and tables of a selection; raises DataError where it is empty.

    What of Figures 4 and 5 cannot be drawn is told in their captions or in `NOT_DRAWN`.
    """
    reading = read(rows, chosen)
    found, lines = measured(reading, chosen), curves(reading, chosen)
    said, written = captions.of(found, chosen), []
    if found["dice_3d"].notna().any():
        told = f"{captions.FIGURE_1} {said}"
        written += _figure(
            out / "figure1", told, prints.by_method(found, told), charts.by_method(found)
        )
    boxes = found.merge(quartiles(rows, found, chosen), on="key")
    if not boxes.empty:
        told = f"{captions.FIGURE_2} {said}"
        written += _figure(
            out / "figure2", told, prints.by_subject(boxes, told), charts.by_subject(boxes)
        )
    setups = [one for one in found["setup"].cat.categories if any(one == of for of, _ in lines)]
    if setups:
        told = f"{captions.FIGURE_3} {said}"
        drawn = prints.by_depth(lines, setups, told), depth_charts.by_depth(lines, setups)
        written += _figure(out / "figure3", told, *drawn)
    written += _pictures(rows, found, chosen, out, maps)
    return written + [path for one in tables(rows, reading, chosen) for path in _table(one, out)]


def _pictures(
    rows: duckdb.DuckDBPyConnection,
    found: pd.DataFrame,
    chosen: Selection,
    out: Path,
    maps: Maps,
) -> list[Path]:
    """Figures 4 and 5, or the sentence that says why there are none."""
    try:
        sample = samples.sample(rows, found, chosen.centre)
        shown = samples.pictures(maps.engine, sample, maps.places, maps.encode, maps.progress)
    except ZsadError as error:
        path = out / NOT_DRAWN
        write_whole(path, f"Figures 4 and 5 are not drawn. {error}\n")
        return [path]
    said, which = captions.of(found, chosen), captions.of_sample(shown)
    aspect = shown.pixel_mm[0] / shown.pixel_mm[1]
    written = []
    for name, grid, told, side in (
        ("figure4", panels.truth_panels(shown), f"{captions.FIGURE_4} {which} {said}", 3.2),
        (
            "figure5",
            panels.run_panels(shown),
            f"{captions.figure_5()} {which}{captions.not_drawn(shown)} {said}",
            1.9,
        ),
    ):
        legend = name == "figure5"
        printed = print_panels.of_grid(grid, aspect, told, legend, side)
        chart = chart_panels.of_grid(grid, aspect, legend)
        written += _figure(out / name, told, printed, chart)
    return written


def _figure(path: Path, caption: str, printed: Figure, chart: go.Figure) -> list[Path]:
    page = path.with_suffix(".html")
    return [*prints.save(printed, path), _page(chart, page, caption)]


def _page(figure: go.Figure, path: Path, caption: str) -> Path:
    """A page with the figure; Plotly's code lies once beside it, so that it opens offline."""
    drawn = figure.to_html(full_html=False, include_plotlyjs="directory", div_id=path.stem)
    script = path.parent / "plotly.min.js"
    if not script.exists():
        write_whole(script, chart_looks.plotly_code())
    told = PAGE.format(title=path.stem, figure=drawn, caption=html.escape(caption))
    write_whole(path, told)
    return path


def _table(table: Table, out: Path) -> list[Path]:
    paths = [out / f"{table.name}.{kind}" for kind in ("csv", "md", "tex")]
    write_whole(paths[0], f"# {table.caption}\n{table.frame.to_csv(index=False)}")
    write_whole(paths[1], as_markdown(table))
    write_whole(paths[2], as_latex(table))
    return paths
