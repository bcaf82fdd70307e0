"""The files of `python -m zsad_core figures`: Figures 1 to 3 and tables of every sheet."""

import html
import re
from pathlib import Path

import duckdb
import plotly.graph_objects as go

from zsad_core import results
from zsad_core.cohort import captions, charts, prints
from zsad_core.cohort.selection import Centre, Selection, curves, measured, runs, sheets
from zsad_core.cohort.tables import Table, as_latex, as_markdown, tables
from zsad_core.conventions import Which
from zsad_core.errors import DataError
from zsad_core.metrics import EmptySlices

PAGE = """<!doctype html><meta charset="utf-8"><title>{title}</title>
<body style="font-family: sans-serif">{figure}<p>{caption}</p></body>
"""


def write_all(
    root: Path,
    out: Path,
    empty: EmptySlices = "lesion_only",
    which: Which = "all",
    centre: Centre = "middle",
) -> list[Path]:
    """Write every sheet of a results folder into a folder of its own; DataError without rows."""
    written = []
    with results.connect(root) as rows:
        found = sheets(rows)
        if not found:
            raise DataError(f"There are no rows in '{root}'; run python -m zsad_core evaluate.")
        for sheet in found:
            name = re.sub(r"[^a-z0-9]+", "-", str(sheet).lower().replace("threshold: ", ""))
            written += write(
                rows, Selection(sheet, empty=empty, which=which, centre=centre), out / name
            )
    return written


def write(rows: duckdb.DuckDBPyConnection, chosen: Selection, out: Path) -> list[Path]:
    """Write the figures and tables of a selection; raises DataError where it is empty."""
    out.mkdir(parents=True, exist_ok=True)
    frame = runs(rows, chosen)
    found, lines = measured(rows, frame, chosen), curves(rows, frame, chosen)
    said = captions.of(found, chosen)
    setups = [one for one in frame["setup"].cat.categories if any(one == of for of, _ in lines)]
    first, second, third = (
        f"{text} {said}" for text in (captions.FIGURE_1, captions.FIGURE_2, captions.FIGURE_3)
    )
    written = []
    if found["dice_3d"].notna().any():
        figure = prints.by_method(found, first)
        written += prints.save(figure, out / "figure1")
        written.append(_page(charts.by_method(found), out / "figure1.html", first))
    if found["median"].notna().any():
        written += prints.save(prints.by_subject(found, second), out / "figure2")
        written.append(_page(charts.by_subject(found), out / "figure2.html", second))
    if setups:
        written += prints.save(prints.by_depth(lines, setups, third), out / "figure3")
        written.append(_page(charts.by_depth(lines, setups), out / "figure3.html", third))
    return written + [path for one in tables(rows, chosen) for path in _table(one, out)]


def _page(figure: go.Figure, path: Path, caption: str) -> Path:
    """A page with the figure; Plotly's code lies once beside it, so that it opens offline."""
    drawn = figure.to_html(full_html=False, include_plotlyjs="directory", div_id=path.stem)
    script = path.parent / "plotly.min.js"
    if not script.exists():
        script.write_text(charts.plotly_code(), encoding="utf-8")
    told = PAGE.format(title=path.stem, figure=drawn, caption=html.escape(caption))
    path.write_text(told, encoding="utf-8")
    return path


def _table(table: Table, out: Path) -> list[Path]:
    paths = [out / f"{table.name}.{kind}" for kind in ("csv", "md", "tex")]
    paths[0].write_text(f"# {table.caption}\n{table.frame.to_csv(index=False)}", encoding="utf-8")
    paths[1].write_text(as_markdown(table), encoding="utf-8")
    paths[2].write_text(as_latex(table), encoding="utf-8")
    return paths
