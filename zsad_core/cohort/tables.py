"""Tables of a selection, each with its caption, as CSV, Markdown and LaTeX."""

import re
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from scipy import stats

from zsad_core.cohort import captions
from zsad_core.cohort.selection import (
    THIRDS,
    VOLUMES,
    Selection,
    lesions,
    measured,
    runs,
)
from zsad_core.types import FloatArray

RUN = ["setup", "line"]
SIZES = (0.0, 20.0, 200.0, 2000.0, np.inf)
SIZE_NAMES = ("under 20 mm³", "20 to 200 mm³", "0.2 to 2 ml", "2 ml and more")
SD = " sd"  # a column of this ending stands beside its mean as ± in Markdown and LaTeX


@dataclass(frozen=True)
class Table:
    """Rows with raw numbers, a file name and a caption."""

    name: str
    caption: str
    frame: pd.DataFrame


def tables(rows: duckdb.DuckDBPyConnection, chosen: Selection) -> list[Table]:
    """Every table of a selection; raises DataError where it is empty."""
    frame = runs(rows, chosen)
    found = measured(rows, frame, chosen)
    said = captions.of(found, chosen)
    by_depth = pd.concat(
        [measured(rows, frame, replace(chosen, third=one)).assign(third=one) for one in THIRDS]
    )
    return [
        Table("dice", f"Dice by setup and method, mean ± sd over subjects. {said}", dice(found)),
        Table("setups", f"{captions.PAIRED} {said}", paired(found)),
        Table("lesion_size", f"{captions.LESIONS} {said}", by_size(lesions(rows, frame))),
        Table("lesion_volume", f"{captions.VOLUMES} {said}", dice(found, "volume", VOLUMES)),
        Table("depth", f"{captions.THIRDS} {said}", dice(by_depth, "third", THIRDS)),
    ]


def dice(found: pd.DataFrame, group: str = "", order: tuple[str, ...] = ()) -> pd.DataFrame:
    """Mean and sd of 3D and 2D Dice over subjects, with counts and failures, of `measured`."""
    by = [*RUN, group] if group else RUN
    if group:
        found = found.assign(**{group: pd.Categorical(found[group], order, ordered=True)})
    grouped = found.groupby(by, observed=True)
    columns = {
        "subjects": ("dice_3d", "count"),
        "3D Dice": ("dice_3d", "mean"),
        "3D Dice sd": ("dice_3d", "std"),
        "2D Dice": ("dice_2d", "mean"),
        "2D Dice sd": ("dice_2d", "std"),
        "slices": ("slices", "sum"),
        "lesion slices": ("lesion_slices", "sum"),
        "overlooked": ("overlooked", "sum"),
        "healthy slices": ("healthy", "sum"),
        "with alarm": ("alarms", "sum"),
    }
    table = grouped.agg(**columns).reset_index()
    counts = [name for name, (_, how) in columns.items() if how == "sum"]
    return table.astype(dict.fromkeys(counts, int)).rename(columns={"line": "method"})


def paired(found: pd.DataFrame) -> pd.DataFrame:
    """Setups of one method against each other on the subjects that both have.

    Wilcoxon's signed-rank test, two-sided, zero differences dropped (Wilcoxon 1945); p corrected
    by Holm (1979) over all pairs of one measure; effect size is the matched-pairs rank-biserial
    correlation (Kerby 2014), above 0 where the first setup is better.
    """
    rows: list[dict[str, Any]] = []
    for measure, column in (("3D Dice", "dice_3d"), ("2D Dice", "dice_2d")):
        part: list[dict[str, Any]] = []
        for line, of_line in found.groupby("line", observed=True):
            wide = of_line.pivot(index=["site", "subject"], columns="setup", values=column)
            wide = wide.dropna(axis="columns", how="all")
            for first, second in combinations(wide.columns, 2):
                both = wide[[first, second]].dropna().to_numpy(float)
                if len(both):
                    names = {"measure": measure, "method": line, "setup": first, "against": second}
                    part.append({**names, "subjects": len(both), **_compared(both)})
        for row, corrected in zip(part, holm([row["p"] for row in part]), strict=True):
            row["p (Holm)"] = corrected
        rows += part
    columns = ["measure", "method", "setup", "against", "subjects", "median difference"]
    return pd.DataFrame(rows, columns=[*columns, "effect size", "p", "p (Holm)"])


def holm(p: list[float]) -> list[float]:
    """P-values corrected step by step for how many there are (Holm 1979).

    >>> [round(one, 3) for one in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, float)
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * (len(values) - np.arange(len(values))))
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(stepped, 1)
    return corrected.tolist()


def rank_biserial(differences: FloatArray) -> float:
    """(W+ - W-) / (W+ + W-) of the ranks of |difference|, zeros dropped; 0 if all are zero.

    >>> round(rank_biserial(np.array([0.1, 0.3, -0.2, 0.0])), 3)
    0.333
    """
    kept = differences[differences != 0]
    ranks = stats.rankdata(np.abs(kept))
    return float((ranks * np.sign(kept)).sum() / ranks.sum()) if len(kept) else 0.0


def by_size(found: pd.DataFrame) -> pd.DataFrame:
    """Lesions of `selection.lesions` in groups of volume: how many, share found, mean Dice."""
    sizes = pd.cut(found["mm3"], SIZES, right=False, labels=SIZE_NAMES)
    grouped = found.assign(size=sizes).groupby([*RUN, "size"], observed=True)
    table = grouped.agg(
        **{
            "lesions": ("mm3", "size"),
            "missed": ("found", lambda one: int((~one.astype(bool)).sum())),
            "lesion Dice": ("dice", "mean"),
            "lesion Dice sd": ("dice", "std"),
        }
    )
    return table.reset_index().rename(columns={"line": "method"})


def as_markdown(table: Table) -> str:
    """The table as Markdown, its caption above."""
    names, cells = _cells(table.frame)
    lines = [names, ["---"] * len(names), *cells]
    text = "\n".join(
        f"| {' | '.join(one.replace('|', chr(92) + '|') for one in line)} |" for line in lines
    )
    return f"{table.caption}\n\n{text}\n"


def as_latex(table: Table) -> str:
    """The table as a LaTeX float of booktabs, its caption above."""
    names, cells = _cells(table.frame)
    told = [" & ".join(map(_latex, line)) + r" \\" for line in (names, *cells)]
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_latex(table.caption)}}}"]
    lines += [rf"\begin{{tabular}}{{{'l' * len(names)}}}", r"\toprule", told[0], r"\midrule"]
    lines += [*told[1:], r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _compared(both: FloatArray) -> dict[str, float]:
    differences = both[:, 0] - both[:, 1]
    same = not differences.any()
    return {
        "median difference": float(np.median(differences)),
        "effect size": rank_biserial(differences),
        "p": 1.0 if same else float(stats.wilcoxon(differences).pvalue),
    }


def _cells(frame: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Headers and texts; a mean and its sd share a cell."""
    names = [name for name in frame.columns if not name.endswith(SD)]
    rows = []
    for _, row in frame.iterrows():
        spread = {name: row[name + SD] for name in names if name + SD in frame.columns}
        rows.append(
            [
                _told(row[name]) + (f" ± {_told(spread[name])}" if name in spread else "")
                for name in names
            ]
        )
    return names, rows


def _told(value: object) -> str:
    if isinstance(value, float):
        return (
            "–" if np.isnan(value) else f"{value:.3f}" if abs(value) >= 0.0005 else f"{value:.1g}"
        )
    return str(value)


def _latex(text: str) -> str:
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", text.replace("\\", r"\textbackslash "))
    for sign, told in (
        ("±", r"$\pm$"),
        ("³", "$^3$"),
        ("–", "--"),
        ("×", r"$\times$"),
        ("≥", r"$\ge$"),
    ):
        escaped = escaped.replace(sign, told)
    return escaped
