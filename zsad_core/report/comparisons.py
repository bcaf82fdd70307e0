"""Setups of one method against each other on the same subjects."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from zsad_core.types import FloatArray


def paired(frame: pd.DataFrame) -> pd.DataFrame:
    """Setups of one method against each other on the subjects that both have.

    Wilcoxon's signed-rank test, two-sided, zero differences dropped (Wilcoxon 1945); p corrected
    by Holm (1979) over all pairs of one measure; effect size is the matched-pairs rank-biserial
    correlation (Kerby 2014), above 0 where the first setup is better.
    """
    rows: list[dict[str, Any]] = []
    for measure, column in (("3D Dice", "dice_3d"), ("2D Dice", "dice_2d")):
        comparisons: list[dict[str, Any]] = []
        for series, method_rows in frame.groupby("series", observed=True):
            wide = method_rows.pivot(index=["site", "subject"], columns="setup", values=column)
            wide = wide.dropna(axis="columns", how="all")
            for first, second in combinations(wide.columns, 2):
                pairs = wide[[first, second]].dropna().to_numpy(float)
                if len(pairs):
                    names = {
                        "measure": measure,
                        "method": series,
                        "setup": first,
                        "against": second,
                    }
                    comparisons.append({**names, "subjects": len(pairs), **_compared(pairs)})
        for row, corrected in zip(
            comparisons, holm([row["p"] for row in comparisons]), strict=True
        ):
            row["p (Holm)"] = corrected
        rows += comparisons
    columns = ["measure", "method", "setup", "against", "subjects", "median difference"]
    return pd.DataFrame(rows, columns=[*columns, "effect size", "p", "p (Holm)"])


def holm(p: list[float]) -> list[float]:
    """P-values corrected step by step for how many there are (Holm 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
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
    nonzero = differences[differences != 0]
    ranks = stats.rankdata(np.abs(nonzero))
    return float((ranks * np.sign(nonzero)).sum() / ranks.sum()) if len(nonzero) else 0.0


def _compared(pairs: FloatArray) -> dict[str, float]:
    differences = pairs[:, 0] - pairs[:, 1]
    same = not differences.any()
    return {
        "median difference": float(np.median(differences)),
        "effect size": rank_biserial(differences),
        "p": 1.0 if same else float(stats.wilcoxon(differences).pvalue),
    }
