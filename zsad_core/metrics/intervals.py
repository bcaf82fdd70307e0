"""95 % intervals of means: percentile bootstrap over patients (Efron and Tibshirani 1993).

Time points, slices and lesions of a patient are resampled together, since they are not independent.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from zsad_core.metrics.scipy_stats import scipy_stats
from zsad_core.types import FloatArray

RESAMPLES, SEED, FEWEST = 10_000, 0, 3
CHUNK = 250_000  # patients drawn at once: they stay in the processor's cache
WORDS = (
    f"95 % interval: percentile bootstrap over patients, {RESAMPLES:,} resamples, seed {SEED}; "
    f"none for fewer than {FEWEST} patients"
)
"""What a caption says of an interval."""


def intervals(
    patients: Sequence[str], groups: NDArray[np.int64], sums: FloatArray, counts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Low and high end (G,) of the interval of each group's mean, sum(sums) / sum(counts).

    Each of the N rows belongs to a patient and to a group 0 … G - 1; `sums` and `counts` (N,) are
    what it adds to the mean. A group's interval is over the patients that count in it, NaN for
    fewer than `FEWEST`.

    >>> low, high = intervals(["a", "b", "c"], np.zeros(3, int), np.array([1, 2, 6.0]), np.ones(3))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([1.0], [6.0])
    """
    return of_totals(*by_patient(patients, groups, sums, counts))


def of_columns(patients: Sequence[str], values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Low and high end (G,) of the interval of the mean of each column of values (N, G).

    Row n is of patient n; NaN is left out, as it is of the mean.

    >>> low, high = of_columns(["a", "b", "c", "d"], np.array([[1.0], [2], [6], [np.nan]]))
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([1.0], [6.0])
    """
    names, patient = np.unique(np.asarray(patients, str), return_inverse=True)
    total, number = np.zeros((2, len(names), values.shape[1]))
    np.add.at(total, patient, np.nan_to_num(values))
    np.add.at(number, patient, ~np.isnan(values))
    return of_totals(total, number)


def of_totals(total: FloatArray, number: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same of sums and counts (P, G) of each patient in each group, as of `by_patient`."""
    low, high = np.full((2, total.shape[1]), np.nan)
    patterns, pattern_of = np.unique(number > 0, axis=1, return_inverse=True)
    with threadpool_limits(1, "blas"):  # of small products, whose threads wait busily
        for index, present in enumerate(patterns.T):
            if present.sum() >= FEWEST:
                chosen = pattern_of == index
                columns = np.ix_(present, chosen)
                low[chosen], high[chosen], _ = bootstrap(total[columns], number[columns])
    return low, high


def by_patient(
    patients: Sequence[str], groups: NDArray[np.int64], sums: FloatArray, counts: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Sums and counts (P, G) of each patient, in alphabetical order, in each group."""
    names, patient = np.unique(np.asarray(patients, str), return_inverse=True)
    total, number = np.zeros((2, len(names), int(groups.max(initial=-1)) + 1))
    np.add.at(total, (patient, groups), sums)
    np.add.at(number, (patient, groups), counts)
    return total, number


def bootstrap(total: FloatArray, number: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Low and high ends (G,) and the resampled means (G, RESAMPLES) of total / number.

    Patients, the rows of both (P, G), are drawn with replacement; each has to count in each group.
    """
    patients, groups = total.shape
    both = np.hstack([total, number])

    def means(drawn: NDArray[np.int64], axis: int) -> FloatArray:
        rows = np.atleast_2d(drawn)
        offsets = patients * np.arange(len(rows))[:, None]
        times = np.bincount((rows + offsets).ravel(), minlength=rows.size).astype(float)
        weights = times.reshape(rows.shape)  # how often each resample holds each patient
        sums = weights @ both
        return (sums[:, :groups] / sums[:, groups:]).T.reshape(-1, *drawn.shape[:axis])

    result = scipy_stats().bootstrap(
        (np.arange(patients),),
        means,
        method="percentile",
        n_resamples=RESAMPLES,
        batch=max(CHUNK // patients, 1),
        rng=np.random.default_rng(SEED),
    )
    return *result.confidence_interval, result.bootstrap_distribution
