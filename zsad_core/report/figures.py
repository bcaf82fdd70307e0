"""The files of `zsad figures`: figures and tables of each comparison group."""

import contextlib
import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure
from plotly.offline import get_plotlyjs

from zsad_core.base.atomic import write_whole
from zsad_core.base.spreadsheet import as_csv
from zsad_core.errors import DataError, ZsadError
from zsad_core.inference.engine import Engine
from zsad_core.report import (
    calibration,
    captions,
    charts,
    depth_charts,
    panels,
    prints,
    samples,
    threshold_costs,
    threshold_prints,
)
from zsad_core.report.comparison_groups import ComparisonGroup, beside, comparison_groups
from zsad_core.report.comparisons import rank_shares
from zsad_core.report.measures import curves, dice_table, group_sums, means, quartiles
from zsad_core.report.selection import Selection, left_out
from zsad_core.report.table_text import Table, as_latex, as_markdown
from zsad_core.report.tables import tables
from zsad_core.results import parquet as results
from zsad_core.results.slice_sums import Centre
from zsad_core.types import DataSpec, Progress

PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<body style="font-family: sans-serif">{figure}<p>{caption}</p></body>
"""
NOT_DRAWN = "not_drawn.txt"


@dataclass(frozen=True)
class Maps:
    """The source of the maps of Figures 4 and 5; `encode` computes those that are not stored."""

    engine: Engine
    data: Sequence[DataSpec]
    encode: bool = True
    progress: Progress | None = None


def write_all(
    root: Path,
    out: Path,
    maps: Maps,
    choose: Callable[[ComparisonGroup], Selection] = Selection,
    also: Sequence[str] = (),
) -> list[Path]:
    """Write each comparison group of a results folder into its own folder.

    `also` are other groups to show beside each, as `comparison_groups.beside` reads them.
    Raises DataError where there is no row, or none that may be drawn, SettingError for what `also`
    cannot be.
    """
    paths = []
    with results.connect(root) as rows:
        groups = comparison_groups(rows)
        if not groups:
            raise DataError(f"There are no rows in '{root}'; run zsad evaluate.")
        for group in groups:
            selection = replace(choose(group), others=beside(group, groups, also))
            paths += write_or_say(rows, selection, out / folder_of(group), maps)
    if all(path.name == NOT_DRAWN for path in paths):
        raise DataError(paths[0].read_text(encoding="utf-8").strip())
    return paths


def folder_of(group: ComparisonGroup) -> str:
    """The name of the folder of a comparison group's files."""
    return re.sub(r"[^a-z0-9]+", "-", str(group).lower().replace("threshold: ", ""))


def write_or_say(
    rows: duckdb.DuckDBPyConnection,
    selection: Selection,
    out: Path,
    maps: Maps,
    requested: Callable[[str], bool] = lambda _: True,
) -> list[Path]:
    """What `write` writes; where a selection is empty, the reason in `NOT_DRAWN`."""
    try:
        return write(rows, selection, out, maps, requested)
    except DataError as error:
        write_whole(out / NOT_DRAWN, f"{error}\n")
        return [out / NOT_DRAWN]


def write(
    rows: duckdb.DuckDBPyConnection,
    selection: Selection,
    out: Path,
    maps: Maps,
    requested: Callable[[str], bool] = lambda _: True,
) -> list[Path]:
    """Write the wanted figures and tables of a selection; raises DataError where it is empty.

    They are named as their files. What cannot be drawn of Figures 4 and 5 is named in their
    captions or in `NOT_DRAWN`.
    """
    sums = group_sums(rows, selection)
    frame, depth_curves = dice_table(sums, selection), curves(sums, selection)
    exposed, series = left_out(sums.frame, selection), sorted(frame["series"].unique())
    caption = captions.caption(frame, selection, exposed)
    paths = []
    if requested("figure1") and frame["dice_3d"].notna().any():
        text, of_means = f"{captions.FIGURE_1} {caption}", means(frame)
        printed, chart = prints.by_method(frame, of_means), charts.by_method(frame, of_means)
        paths += _figure(out / "figure1", text, printed, chart)
    boxes = frame.merge(quartiles(rows, frame, selection), on="key")
    if requested("figure2") and not boxes.empty:
        text = f"{captions.FIGURE_2} {caption}"
        printed, chart = prints.by_subject(boxes, series), charts.by_subject(boxes, series)
        paths += _figure(out / "figure2", text, printed, chart)
    if requested("figure3") and depth_curves:
        text = f"{captions.figure_3(selection.region)} {caption}"
        values = depth_curves, list(frame["setup"].cat.categories), series
        printed, chart = prints.by_depth(*values), depth_charts.by_depth(*values)
        paths += _figure(out / "figure3", text, printed, chart)
    if requested("ranks") and (ranks := rank_shares(frame)):
        text = f"{captions.rank_caption(ranks)} {caption}"
        paths += _figure(out / "ranks", text, prints.by_rank(ranks), charts.by_rank(ranks))
    if requested("figure4") or requested("figure5"):
        paths += _pictures(rows, frame, selection.centre, caption, out, maps, requested)
    if requested("threshold_costs"):
        with contextlib.suppress(DataError):  # no subjects to compare rules on
            costs = threshold_costs.costs(rows, selection)
            of_rules = threshold_costs.means(costs)
            what = captions.threshold_costs(selection.region)
            text = f"{what} {captions.BARS} {captions.of_costs(costs, selection, exposed)}"
            printed = threshold_prints.costs(of_rules, series)
            chart = threshold_costs.chart(of_rules, series)
            paths += _figure(out / "threshold_costs", text, printed, chart)
    if requested("calibration") and not (table := calibration.reliability(rows, frame)).empty:
        text = f"{captions.calibration(selection.region)} {caption}"
        printed = threshold_prints.reliability(table, series)
        chart = calibration.chart(table, series)
        paths += _figure(out / "calibration", text, printed, chart)
    chosen = [table for table in tables(rows, sums, selection) if requested(table.name)]
    return paths + [path for table in chosen for path in _table(table, out)]


def _pictures(
    rows: duckdb.DuckDBPyConnection,
    frame: pd.DataFrame,
    centre: Centre,
    caption: str,
    out: Path,
    maps: Maps,
    requested: Callable[[str], bool],
) -> list[Path]:
    """Figures 4 and 5, or a file with the reason why they are not drawn."""
    try:
        sample = samples.sample(rows, frame, centre)
        pictures = samples.pictures(maps.engine, sample, maps.data, maps.encode, maps.progress)
    except ZsadError as error:
        write_whole(out / NOT_DRAWN, f"Figures 4 and 5 are not drawn. {error}\n")
        return [out / NOT_DRAWN]
    subject = captions.sample_caption(pictures)
    aspect = pictures.pixel_mm[0] / pictures.pixel_mm[1]
    figure_5 = f"{captions.figure_5()} {subject}{captions.omissions(pictures)} {caption}"
    paths = []
    for name, grid, text, side in (
        ("figure4", panels.truth_panels(pictures), f"{captions.FIGURE_4} {subject} {caption}", 3.2),
        ("figure5", panels.prediction_panels(pictures), figure_5, 1.9),
    ):
        if requested(name):
            legend = name == "figure5"
            printed = prints.by_panel(grid, aspect, legend, side)
            paths += _figure(out / name, text, printed, panels.chart(grid, aspect, legend))
    return paths


def _figure(path: Path, caption: str, printed: Figure, chart: go.Figure) -> list[Path]:
    """The figure as SVG, PNG and a page; Plotly's script is beside it, so that it opens offline."""
    paths = prints.save(printed, caption, path)
    figure = chart.to_html(full_html=False, include_plotlyjs="directory", div_id=path.stem)
    script, page = path.parent / "plotly.min.js", path.with_suffix(".html")
    if not script.exists():
        write_whole(script, get_plotlyjs())
    write_whole(page, PAGE.format(title=path.stem, figure=figure, caption=html.escape(caption)))
    return [*paths, page]


def _table(table: Table, out: Path) -> list[Path]:
    paths = [out / f"{table.name}.{kind}" for kind in ("csv", "md", "tex")]
    write_whole(paths[0], as_csv(table.named, table.caption))
    write_whole(paths[1], as_markdown(table))
    write_whole(paths[2], as_latex(table))
    return paths
