"""Comparisons by hand: exact tests, and differences that only the order of sums makes."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from zsad_core.report.comparisons import compared, pairing

FIRST, SECOND = ("a", "m"), ("b", "m")


def frame(differences):
    """A table of Dice in which the first configuration is better by these."""
    rows = [
        {"site": "", "subject": f"P-{number}-000", "setup": setup, "series": "m", "dice_3d": dice}
        for number, difference in enumerate(differences)
        for setup, dice in (("a", 0.5 + difference), ("b", 0.5))
    ]
    table = pd.DataFrame(rows)
    return table.assign(key=table.index.astype(str), patient=table["subject"].str[:-4])


def exact_p(differences):
    """Two-sided, over all signs of the differences that are not 0."""
    values = np.array([d for d in differences if d])
    ranks = pd.Series(np.abs(values)).rank().to_numpy()
    signs = np.array([*product((-1, 1), repeat=len(values))])
    sums, own = signs @ ranks, float(np.sign(values) @ ranks)
    return float((np.abs(sums) >= abs(own) - 1e-9).mean())


@pytest.mark.parametrize(
    "differences",
    [
        (0.1, 0.2, 0.3, 0.4, 0.45, *[0.0] * 9),  # five can never fall below 1/16
        (0.1, 0.25, -0.05, 0.3, 0.35, 0.15, 0.4, -0.2, 0.45, 0.22, 0.31, 0.17, 0.08, 0.0),
        (0.1, 0.1, -0.1, 0.2, 0.3, 0.0, 0.0, 0.0),
    ],
)
def test_p_is_exact_beside_differences_of_zero(differences):
    (row,) = compared(frame(differences), "dice_3d", [(FIRST, SECOND)]).to_dict("records")
    assert row["p"] == pytest.approx(exact_p(differences), rel=1e-9)


def test_the_order_of_sums_makes_no_difference():
    third = 0.1 + 0.2 - 0.3  # 5.6e-17
    differences = (third, -third, 1 / 12, -(1 / 3 - 1 / 4), 0.2)
    table = frame(differences)
    (row,) = compared(table, "dice_3d", [(FIRST, SECOND)]).to_dict("records")
    assert (row["wins"], row["ties"], row["losses"]) == (2, 2, 1)
    assert row["effect size"] == pytest.approx((1.5 - 1.5 + 3) / 6)
    outcomes = pairing(table, "dice_3d", FIRST, SECOND).subjects["outcome"]
    assert outcomes.value_counts().to_dict() == {"win": 2, "tie": 2, "loss": 1}
