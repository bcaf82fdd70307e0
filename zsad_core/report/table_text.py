"""A table with its caption as Markdown and as LaTeX."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from zsad_core.base.markdown import escape_marks
from zsad_core.base.wording import decimals
from zsad_core.metrics import intervals

SD = " sd"  # a column of this ending stands beside its mean as ±
LOW, HIGH = " low", " high"  # the ends of its interval, in brackets
LATEX = str.maketrans(
    {mark: f"\\{mark}" for mark in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    | {"±": r"$\pm$", "³": "$^3$", "–": "--", "×": r"$\times$", "≥": r"$\ge$"}
)


@dataclass(frozen=True)
class Table:
    """A table's words, its rows for people, and in `named` the rows for programs, with ids.

    Its columns low and high are the interval of each `interval_of`, "" where there are none.
    """

    name: str
    title: str
    note: str
    conventions: str
    frame: pd.DataFrame
    named: pd.DataFrame
    interval_of: str = ""

    @property
    def note_on_page(self) -> str:
        """The note below columns low and high, on a page that says how intervals are made."""
        return _with(self.note, low_and_high(self.interval_of) if self.interval_of else "")

    @property
    def note_in_file(self) -> str:
        """The note of a table that may travel alone, where an interval stands in brackets."""
        what = f"Low and high, in brackets, of each {self.interval_of}: {intervals.WORDS}."
        return _with(self.note, what if self.interval_of else "")

    @property
    def caption(self) -> str:
        """All that a file of the table says of it."""
        return _with(f"{self.title}.", self.note_in_file, self.conventions)


def low_and_high(interval_of: str) -> str:
    """What columns low and high are, on a page that says how intervals are made."""
    return f"Low and high: the ends of the 95 % interval of each {interval_of}."


def _with(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def as_markdown(table: Table) -> str:
    """The table as Markdown, its caption above."""
    names, body = cells(table.frame)
    first, *others = (f"| {' | '.join(map(escape_marks, line))} |" for line in (names, *body))
    lines = [escape_marks(table.caption), "", first, "| --- " * len(names) + "|", *others]
    return "\n".join(lines) + "\n"


def as_latex(table: Table) -> str:
    """The table as a LaTeX float of booktabs, its caption above."""
    names, body = cells(table.frame)
    rows = [" & ".join(cell.translate(LATEX) for cell in line) + r" \\" for line in (names, *body)]
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{table.caption.translate(LATEX)}}}"]
    lines += [rf"\begin{{tabular}}{{{'l' * len(names)}}}", r"\toprule", rows[0], r"\midrule"]
    lines += [*rows[1:], r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Headers and texts; a mean, its sd and its interval share a cell."""
    names = [name for name in frame.columns if not name.endswith((SD, LOW, HIGH))]
    return names, [[_mean_text(row, name) for name in names] for _, row in frame.iterrows()]


def _mean_text(row: pd.Series, name: str) -> str:
    """A cell with what stands beside it: 0.500 ± 0.361 [0.200, 0.900]; no interval if it is NaN."""
    text = _cell_text(row[name])
    if name + SD in row.index:
        text += f" ± {_cell_text(row[name + SD])}"
    if name + LOW in row.index and pd.notna(row[name + LOW]):
        text += f" [{_cell_text(row[name + LOW])}, {_cell_text(row[name + HIGH])}]"
    return text


def _cell_text(value: object) -> str:
    if value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float):
        return decimals(value) if abs(value) >= 0.0005 else f"{value:.1g}"
    return str(value)
