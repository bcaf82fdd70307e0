"""Ranks of configurations under resampled patients, against a count of every resample."""

from itertools import product

import numpy as np
import pytest

from tests.helpers.rows import dice_rows, put, with_dice
from zsad_core.report import charts, prints
from zsad_core.report.comparisons import RankShares, rank_shares, rank_table
from zsad_core.report.table_text import cells

VALUES = {"a": (0.9, 0.5, 0.1), "b": (0.2, 0.6, 0.1), "c": (0.7, 0.5, 0.3)}
SETUPS = ("brats", "pmc", "industrial")


def put_all(root):
    for subject, values in VALUES.items():
        for setup, value in zip(SETUPS, values, strict=True):
            put(root, subject, setup, slices=with_dice(value))


def test_shares_of_ranks_are_those_of_all_resamples(tmp_path):
    put_all(tmp_path)
    put(tmp_path, "d", "brats", slices=with_dice(1.0))  # in one configuration alone
    ranks = rank_shares(dice_rows(tmp_path))
    assert [setup for setup, _ in ranks.names] == ["brats", "pmc", "industrial"]
    assert (ranks.subjects, ranks.missing) == (3, ("d",))
    means = np.array(
        [np.mean([VALUES[s] for s in drawn], axis=0) for drawn in product("abc", repeat=3)]
    ).round(12)
    place = 1 + (means[:, :, None] < means[:, None, :]).sum(axis=2)
    expected = [[(place[:, index] == rank).mean() for rank in (1, 2, 3)] for index in range(3)]
    assert ranks.shares == pytest.approx(np.array(expected), abs=0.02)
    table = rank_table(ranks)
    assert table["3D Dice"].tolist() == pytest.approx([0.6, 1.6 / 3, 0.5 / 3])
    assert table[["rank 1", "rank 2", "rank 3"]].sum(axis=1).tolist() == pytest.approx([1, 1, 1])


def test_two_patients_or_one_configuration_have_no_ranks(tmp_path):
    put_all(tmp_path)
    assert rank_shares(dice_rows(tmp_path, setups=("brats",))) is None
    assert rank_shares(dice_rows(tmp_path, subjects=("a", "b"))) is None
    assert rank_table(None).empty


def test_a_share_is_all_or_nothing_only_where_it_is_exactly_that():
    shares = np.array([[0.9998, 0.0002], [0.0002, 0.9998]])
    names, ends = (("brats", "A"), ("pmc", "B")), np.array([0.6, 0.4])
    ranks = RankShares(names, ends, ends, ends, shares, 3, ())
    expected = [">99 %", "<1 %", "<1 %", ">99 %"]
    assert np.ravel(charts.by_rank(ranks).data[0].text).tolist() == expected
    assert [text.get_text() for text in prints.by_rank(ranks).axes[0].texts] == expected
    assert [line[-2:] for line in cells(rank_table(ranks))[1]] == [
        [">0.999", "0.0002"],
        ["0.0002", ">0.999"],
    ]
