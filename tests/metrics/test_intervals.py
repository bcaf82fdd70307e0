"""Intervals of means against SciPy on plain samples, and against draws of whole patients."""

import numpy as np
import pytest
from scipy import stats

from zsad_core.metrics.intervals import FEWEST, RESAMPLES, SEED, bootstrap, intervals


def test_one_subject_a_patient_is_scipys_bootstrap_of_the_mean():
    values = np.random.default_rng(1).random(12)
    expected = stats.bootstrap(
        (values,),
        np.mean,
        method="percentile",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    patients = [f"p{n:02}" for n in range(12)]
    low, high = intervals(patients, np.zeros(12, int), values, np.ones(12))
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))


def test_time_points_stay_with_their_patient():
    random = np.random.default_rng(2)
    patients = np.repeat([f"p{n}" for n in range(10)], 4)
    values = np.repeat(random.random(10), 4) + random.normal(0, 0.01, 40)
    drawn = random.integers(0, 10, (50_000, 10))
    means = values.reshape(10, 4).mean(axis=1)[drawn].mean(axis=1)
    low, high = intervals(patients, np.zeros(40, int), values, np.ones(40))
    assert (low[0], high[0]) == pytest.approx(np.quantile(means, (0.025, 0.975)), abs=0.01)
    alone = intervals([f"s{n}" for n in range(40)], np.zeros(40, int), values, np.ones(40))
    assert high[0] - low[0] > 1.7 * (alone[1][0] - alone[0][0])  # about twice, for four each


def test_an_interval_is_that_of_its_own_patients_whatever_stands_beside_it():
    random = np.random.default_rng(3)
    patients, values = [f"p{n}" for n in range(9)], random.random(9)
    alone = intervals(patients[:5], np.zeros(5, int), values[:5], np.ones(5))
    both = intervals(
        patients[:5] + patients,
        np.repeat([0, 1], [5, 9]),
        np.concatenate([values[:5], values]),
        np.ones(14),
    )
    assert (both[0][0], both[1][0]) == pytest.approx((alone[0][0], alone[1][0]))


def test_few_patients_have_no_interval_however_many_their_subjects():
    patients = ["a", "b"] * 5
    low, high = intervals(patients, np.zeros(10, int), np.arange(10.0), np.ones(10))
    assert np.isnan([low[0], high[0]]).all()
    assert FEWEST == 3


def test_a_mean_weighs_subjects_not_patients():
    total, number = np.array([[3.0], [1.0], [0.0]]), np.array([[3.0], [1.0], [1.0]])
    *_, means = bootstrap(total, number)
    assert means.shape == (1, RESAMPLES)
    assert means.max() == 1
    assert means.mean() == pytest.approx(0.8, abs=0.15)
