"""Configurations against each other on the same subjects: differences, tests, ranks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zsad_core.metrics.intervals import FEWEST, bootstrap, by_patient, intervals
from zsad_core.metrics.scipy_stats import scipy_stats
from zsad_core.report.selection import ConfigurationName
from zsad_core.report.table_text import HIGH, LOW
from zsad_core.types import FloatArray

DICE = {"3D Dice": "dice_3d", "2D Dice": "dice_2d"}
WIN, TIE, LOSS = "win", "tie", "loss"
DECIMALS = 12  # of a difference: the order of sums makes none
DIFFERENCE = "mean difference"
COLUMNS = [
    *("first", "second", "subjects", "left out", DIFFERENCE, DIFFERENCE + LOW, DIFFERENCE + HIGH),
    *("median difference", "effect size", "p", "p (Holm)", "wins", "ties", "losses"),
]


@dataclass(frozen=True)
class Pairing:
    """The subjects that two configurations share, and those that lack a value in one of them.

    `subjects` has a row for each subject that both have: site, subject, first, second, difference,
    outcome (of the first), and the keys of both rows, in ascending order of the difference.
    `missing` holds, for each subject that is left out of both, the configuration without a value.
    """

    subjects: pd.DataFrame
    missing: dict[str, ConfigurationName]


@dataclass(frozen=True)
class RankShares:
    """Configurations by mean 3D Dice, the best first, and how often each has each rank.

    `means`, `low` and `high` (C,) are over the `subjects` that all configurations have a Dice of;
    `missing` are those that some lack. `shares` (C, C) holds, for a configuration (row), the share
    of bootstrap resamples of patients in which it has a rank (column, the best first); equal means
    share the better rank.
    """

    names: tuple[ConfigurationName, ...]
    means: FloatArray
    low: FloatArray
    high: FloatArray
    shares: FloatArray
    subjects: int
    missing: tuple[str, ...]


def names_of_configurations(frame: pd.DataFrame) -> list[ConfigurationName]:
    """Setup and series of each configuration of a `dice_table`, in the order of its rows."""
    columns = frame[["setup", "series"]].astype(str)
    return list(columns.drop_duplicates().itertuples(index=False, name=None))


def configuration_label(name: ConfigurationName) -> str:
    """A configuration as figures and tables name it.

    >>> configuration_label(("zero-shot", "winclip"))
    'winclip · zero-shot'
    """
    setup, series = name
    return f"{series} · {setup}"


def configuration_names(frame: pd.DataFrame) -> pd.Series:
    """The label of the configuration of each row of a `dice_table`.

    >>> configuration_names(pd.DataFrame({"series": ["winclip"], "setup": ["zero-shot"]})).tolist()
    ['winclip · zero-shot']
    """
    return frame["series"].astype(str) + " · " + frame["setup"].astype(str)


def pairing(
    frame: pd.DataFrame, column: str, first: ConfigurationName, second: ConfigurationName
) -> Pairing:
    """The subjects of a `dice_table` by their values of a column in two configurations."""
    values = values_by_configuration(frame, column)[[first, second]].dropna(how="all")
    keys = values_by_configuration(frame, "key")
    both = values.dropna()
    difference = (both[first] - both[second]).round(DECIMALS)
    subjects = both.set_axis(["first", "second"], axis=1).assign(
        difference=difference,
        outcome=np.select([difference > 0, difference < 0], [WIN, LOSS], TIE),
        first_key=keys[first],
        second_key=keys[second],
    )
    absent = values[values.isna().any(axis=1)]
    lacking = [first if lacks else second for lacks in absent[first].isna()]
    missing = dict(zip(absent.index.get_level_values("subject"), lacking, strict=True))
    return Pairing(subjects.sort_values("difference", kind="stable").reset_index(), missing)


def compared(
    frame: pd.DataFrame, column: str, pairs: Sequence[tuple[ConfigurationName, ConfigurationName]]
) -> pd.DataFrame:
    """A row for each pair of configurations of a `dice_table` that share a subject.

    `first` and `second` are their names. The mean difference, first minus second, with its
    bootstrap interval, wins, ties and losses are over subjects. Median, Wilcoxon's signed-rank test
    (two-sided, zero differences dropped, Wilcoxon 1945) and the matched-pairs rank-biserial
    correlation (Kerby 2014) are over patients, of their mean differences. p is exact, but a normal
    approximation of more than 50 differences, or of more than 13 where some are equal. `p (Holm)`
    is corrected over all rows (Holm 1979).
    """
    values = values_by_configuration(frame, column)
    patients = _patients(frame, values.index)
    differences = np.array([values[first] - values[second] for first, second in pairs])
    differences = differences.round(DECIMALS)
    pair, subject = np.nonzero(np.isfinite(differences.reshape(len(pairs), len(values))))
    in_pairs = differences[pair, subject] if len(pair) else np.empty(0)
    low, high = intervals(patients[subject].tolist(), pair, in_pairs, np.ones(len(pair)))
    rows: list[dict[str, Any]] = []
    for index in np.unique(pair):
        difference, (first, second) = in_pairs[pair == index], pairs[index]
        of_patients = pd.Series(difference).groupby(patients[subject[pair == index]]).mean()
        rows.append(
            {
                "first": first,
                "second": second,
                "subjects": len(difference),
                "left out": int((values[[first, second]].notna().sum(axis=1) == 1).sum()),
                DIFFERENCE: float(difference.mean()),
                DIFFERENCE + LOW: low[index],
                DIFFERENCE + HIGH: high[index],
                **_tested(of_patients.to_numpy(float).round(DECIMALS)),
                "wins": int((difference > 0).sum()),
                "ties": int((difference == 0).sum()),
                "losses": int((difference < 0).sum()),
            }
        )
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.assign(**{"p (Holm)": holm(table["p"].tolist())})


def every_pair(frame: pd.DataFrame) -> pd.DataFrame:
    """Each configuration of a `dice_table` against each other, by 3D and by 2D Dice."""
    table = _by_dice(frame, list(combinations(names_of_configurations(frame), 2)))
    for name, end in (("configuration", "first"), ("against", "second")):
        table[name] = table[end].map(configuration_label)
    return _ordered(table, ["measure", "configuration", "against"])


def paired(frame: pd.DataFrame) -> pd.DataFrame:
    """The setups of each method of a `dice_table` against each other, by 3D and by 2D Dice."""
    names = sorted(names_of_configurations(frame), key=itemgetter(1))
    pairs = [pair for pair in combinations(names, 2) if pair[0][1] == pair[1][1]]
    table = _by_dice(frame, pairs)
    table["method"] = [series for _, series in table["first"]]
    table["setup"] = [setup for setup, _ in table["first"]]
    table["against"] = [setup for setup, _ in table["second"]]
    return _ordered(table, ["measure", "method", "setup", "against"])


def _by_dice(
    frame: pd.DataFrame, pairs: Sequence[tuple[ConfigurationName, ConfigurationName]]
) -> pd.DataFrame:
    """`compared` by 3D and by 2D Dice, named in the column `measure`."""
    tables = [compared(frame, column, pairs).assign(measure=name) for name, column in DICE.items()]
    return pd.concat(tables, ignore_index=True)


def rank_shares(frame: pd.DataFrame) -> RankShares | None:
    """The ranks of a `dice_table`; None of one configuration or fewer than `FEWEST` patients."""
    values = values_by_configuration(frame, "dice_3d").dropna(how="all")
    shared = values.dropna()
    patients = _patients(frame, shared.index)
    if values.shape[1] < 2 or len({*patients}) < FEWEST:
        return None
    shared = shared[shared.mean().sort_values(ascending=False, kind="stable").index]
    count = shared.shape[1]
    columns = np.tile(np.arange(count), len(shared))
    names = list(np.repeat(patients, count))
    dice = shared.to_numpy(float)
    low, high, means = bootstrap(*by_patient(names, columns, dice.ravel(), np.ones(dice.size)))
    ranks = scipy_stats().rankdata(-means.round(DECIMALS), method="min", axis=0)
    shares = np.stack([(ranks == rank).mean(axis=1) for rank in range(1, count + 1)], axis=1)
    return RankShares(
        names=tuple(shared.columns.to_frame(index=False).itertuples(index=False, name=None)),
        means=dice.mean(axis=0),
        low=low,
        high=high,
        shares=shares,
        subjects=len(shared),
        missing=tuple(values.index.difference(shared.index).get_level_values("subject")),
    )


def rank_table(ranks: RankShares | None) -> pd.DataFrame:
    """A row for each configuration: its mean with interval, and the share of each rank."""
    if ranks is None:
        return pd.DataFrame(columns=["setup", "method", "subjects", "3D Dice"])
    numbers = {
        "subjects": ranks.subjects,
        "3D Dice": ranks.means,
        "3D Dice" + LOW: ranks.low,
        "3D Dice" + HIGH: ranks.high,
        **{f"rank {number}": share for number, share in enumerate(ranks.shares.T, 1)},
    }
    return pd.DataFrame([*ranks.names], columns=["setup", "method"]).assign(**numbers)


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
    ranks = scipy_stats().rankdata(np.abs(nonzero))
    return float((ranks * np.sign(nonzero)).sum() / ranks.sum()) if len(nonzero) else 0.0


def _tested(differences: FloatArray) -> dict[str, float]:
    """Median, effect size and p of the differences of patients."""
    nonzero = differences[differences != 0]  # among zeros SciPy takes no exact distribution
    return {
        "median difference": float(np.median(differences)),
        "effect size": rank_biserial(differences),
        "p": float(scipy_stats().wilcoxon(nonzero).pvalue) if len(nonzero) else 1.0,
    }


def values_by_configuration(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column of a `dice_table` by (site, subject) and, in columns, (setup, series)."""
    return frame.astype({"setup": str}).pivot(
        index=["site", "subject"], columns=["setup", "series"], values=column
    )


def _patients(frame: pd.DataFrame, index: pd.Index) -> NDArray[np.str_]:
    """The patients (N,) of an index of `values_by_configuration`."""
    of_subject = frame.drop_duplicates(["site", "subject"]).set_index(["site", "subject"])
    return of_subject["patient"].reindex(index).to_numpy(str)


def _ordered(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    return table[[*names, *table.columns.drop([*names, "first", "second"], errors="ignore")]]
