"""How sure the order of configurations is: their ranks by mean Dice under resampled patients."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from zsad_core.imaging.splits import patient_of
from zsad_core.metrics.intervals import FEWEST, bootstrap, by_patient
from zsad_core.report.comparisons import values_by_configuration
from zsad_core.report.selection import ConfigurationName
from zsad_core.report.table_text import HIGH, LOW
from zsad_core.types import FloatArray


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


def rank_shares(frame: pd.DataFrame) -> RankShares | None:
    """The ranks of a `dice_table`; None of one configuration or fewer than `FEWEST` patients."""
    values = values_by_configuration(frame, "dice_3d").dropna(how="all")
    shared = values.dropna()
    subjects = shared.index.get_level_values("subject")
    patients = [patient_of(subject) for subject in subjects]
    if values.shape[1] < 2 or len(set(patients)) < FEWEST:
        return None
    shared = shared[shared.mean().sort_values(ascending=False, kind="stable").index]
    count = shared.shape[1]
    columns = np.tile(np.arange(count), len(shared))
    names = list(np.repeat(patients, count))
    dice = shared.to_numpy(float)
    low, high, means = bootstrap(*by_patient(names, columns, dice.ravel(), np.ones(dice.size)))
    ranks = stats.rankdata(-means.round(12), method="min", axis=0)  # the order of sums is no rank
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
