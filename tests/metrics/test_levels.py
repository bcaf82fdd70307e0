"""Levels for the display: every mask that they allow is that of the values."""

import numpy as np
import pytest

from zsad_core.metrics import levels

MAPS = {
    "even": lambda r: r.random(200_000),
    "saturated": lambda r: np.where(r.random(200_000) < 0.5, r.random(200_000) * 1e-3, 1.0),
    "two values": lambda r: np.where(r.random(200_000) < 0.1, 1.0, 0.0),
    "constant": lambda r: np.full(200_000, 0.25),
    "tiny": lambda r: r.random(200_000) ** 30,
    "large": lambda r: r.random(200_000) * 4,
}


@pytest.fixture(params=MAPS)
def values(request):
    return MAPS[request.param](np.random.default_rng(0)).astype(np.float32)


def test_every_level_is_the_mask_of_its_threshold(values):
    marks = [0.1234567, float(values[7])]
    thresholds = levels.thresholds_of(values, marks)
    assert (thresholds.dtype, thresholds.shape, thresholds[0]) == (np.float32, (256,), 0)
    assert (np.diff(thresholds) >= 0).all()
    assert set(np.float32(marks)) <= set(thresholds)
    level = levels.quantise(values, thresholds)
    for k in range(256):
        np.testing.assert_array_equal(level >= k, values >= thresholds[k])


def test_quantising_is_a_search_among_the_thresholds(values):
    thresholds = levels.thresholds_of(values)
    ends = np.concatenate(
        [thresholds, np.nextafter(thresholds, np.float32(9)), np.float32([0, -0.0, 1e-40])]
    )
    samples = np.concatenate([values, ends]).reshape(1, -1)
    expected = np.searchsorted(thresholds, samples, side="right") - 1
    np.testing.assert_array_equal(levels.quantise(samples, thresholds), expected)


def test_ranks_of_a_saturated_map_survive():
    values = MAPS["saturated"](np.random.default_rng(0)).astype(np.float32)
    thresholds = levels.thresholds_of(values)
    shares = [(values >= t).mean() for t in thresholds]
    steps = np.abs(np.diff(shares))
    assert np.sort(steps)[-2] < 0.1  # but for the half that has one value
    with_even = np.linspace(0, 1, 256, dtype=np.float32)
    assert (values[values < 1] < with_even[1]).mean() > 0.9


def test_what_is_below_0_or_nan_is_refused():
    for value in (-0.5, np.nan):
        with pytest.raises(ValueError, match="levels are of values of 0 or more"):
            levels.quantise(np.float32([0.5, value]), np.float32([0, 1]))


def test_no_value_at_all_leaves_the_marks():
    thresholds = levels.thresholds_of(np.zeros(0, np.float32), [0.5])
    assert thresholds.tolist() == [0.0, *[0.5] * 255]


def test_histograms_count_brain_voxels_only():
    level = np.array([[[5, 5, 9, 9]], [[5, 5, 5, 5]]], np.uint8)
    brain = np.array([[[1, 1, 1, 0]], [[0, 0, 0, 0]]], bool)
    truth = np.array([[[0, 1, 1, 1]], [[0, 0, 0, 0]]], bool)
    counts = levels.histograms(level, brain, truth)
    assert counts.shape == (2, 2, 256)
    assert counts[0, 0, [5, 9]].tolist() == [1, 0]
    assert counts[0, 1, [5, 9]].tolist() == [1, 1]
    assert counts.sum() == 3
