"""Depth of slices and the curve over it."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from zsad_core.imaging.slicing import depths
from zsad_core.metrics.depth import bin_of, bin_sql, depth_curve, third_of, third_sql
from zsad_core.metrics.intervals import intervals


def brain_of(*areas):
    """Slices of one row of pixels with so many brain pixels."""
    brain = np.zeros((len(areas), 1, max(areas)), bool)
    for s, area in enumerate(areas):
        brain[s, 0, :area] = True
    return brain


def test_the_ends_are_one_and_the_middle_zero():
    positions = depths(brain_of(0, 2, 2, 2, 2, 2, 0))
    np.testing.assert_allclose(positions, [np.nan, -1, -0.5, 0, 0.5, 1, np.nan])


def test_an_even_number_of_slices_has_no_zero():
    np.testing.assert_allclose(depths(brain_of(1, 1, 1, 1)), [-1, -1 / 3, 1 / 3, 1])


def test_the_centroid_moves_the_zero_and_each_side_keeps_its_end():
    positions = depths(brain_of(1, 1, 0, 0, 8), "centroid")  # centroid at (0 + 1 + 32) / 10 = 3.3
    np.testing.assert_allclose(positions, [-1, -2.3 / 3.3, -1.3 / 3.3, -0.3 / 3.3, 1])


def test_a_single_slice_is_its_own_centre():
    np.testing.assert_array_equal(depths(brain_of(0, 3, 0)), [np.nan, 0, np.nan])


def test_no_brain_has_no_depth():
    assert np.isnan(depths(np.zeros((3, 2, 2), bool))).all()


def test_bins_are_half_open_and_the_top_belongs_to_the_last():
    assert bin_of(np.array([-1, -0.5, -0.01, 0, 0.5, 0.99, 1]), bins=4).tolist() == [
        *(0, 1, 1, 2),
        *(3, 3, 3),
    ]


@pytest.mark.parametrize("slices", range(2, 400))
def test_a_slice_on_an_edge_lies_in_the_bin_above(slices):
    """Exactly, in whole numbers: the bin of slice i of a brain is 20 i / (slices - 1)."""
    exact = [min(20 * index // (slices - 1), 19) for index in range(slices)]
    assert bin_of(depths(np.ones((slices, 1, 1), bool))).tolist() == exact


def test_the_curve_by_hand():
    depth = np.array([np.nan, -1, -0.9, 0, 0.6, 1])
    dice = np.array([1, 0.2, 0.4, np.nan, 0.9, np.nan])
    lesion = np.array([9, 5, 5, 3, 0, 7])
    curve = depth_curve(depth, dice, lesion, ["a"] * 6, bins=4)
    np.testing.assert_allclose(curve.centres, [-0.75, -0.25, 0.25, 0.75])
    np.testing.assert_allclose(curve.dice, [0.3, np.nan, np.nan, 0.9])
    assert curve.slices.tolist() == [2, 0, 0, 1]
    assert curve.lesion_slices.tolist() == [2, 0, 1, 1]


@pytest.mark.parametrize(
    ("function", "sql"), [(bin_of, bin_sql), (third_of, third_sql)], ids=["bins", "thirds"]
)
def test_sql_and_python_place_a_depth_alike(function, sql):
    edges = np.arange(-30, 31) / 30
    random = np.random.default_rng(0).uniform(-1, 1, 5000)
    depths = np.concatenate([edges, np.nextafter(edges, 0), random, [np.nan]])
    with duckdb.connect() as connection:
        connection.register("slices", pa.table({"depth": pa.array(depths, from_pandas=True)}))
        index = connection.sql(f"SELECT {sql('depth')} AS bin FROM slices").fetchnumpy()["bin"]
    np.testing.assert_array_equal(index, function(depths))


def test_the_interval_of_a_bin_is_over_its_own_patients():
    patients = ["a", "a", "b", "c", "a", "b", "c", "a", "b"]
    depth = np.repeat([-0.9, 0.1, 0.9], [4, 3, 2])
    dice = np.array([0.2, 0.4, 0.6, np.nan, 0.2, 0.4, 0.9, 0.3, 0.5])
    curve = depth_curve(depth, dice, np.ones(9, int), patients, bins=4)
    assert np.isfinite(curve.low).tolist() == [False, False, True, False]  # others: 2 patients, 0
    expected = intervals(["a", "b", "c"], np.zeros(3, int), dice[4:7], np.ones(3))
    assert (curve.low[2], curve.high[2]) == pytest.approx((expected[0][0], expected[1][0]))


def test_a_curve_without_any_dice_has_no_interval():
    curve = depth_curve(np.zeros(3), np.full(3, np.nan), np.ones(3, int), ["a", "b", "c"])
    assert np.isnan([curve.low, curve.high]).all()


def test_arrays_of_one_length_are_needed():
    with pytest.raises(ValueError, match="shapes differ"):
        depth_curve(np.zeros(2), np.zeros(2), np.zeros(2, int), ["a"])


def test_a_curve_cannot_be_written_to():
    curve = depth_curve(np.zeros(1), np.ones(1), np.ones(1, int), ["a"])
    assert not curve.dice.flags.writeable
