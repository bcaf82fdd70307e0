"""Addresses that nobody would write: passed over, whatever stands in them."""

import pytest

from tests.helpers.pages import at, shown

EXPLORE = "pages/1_Explore.py"


@pytest.mark.parametrize(
    ("page", "query"),
    [
        (EXPLORE, {"level": "abc"}),
        (EXPLORE, {"level": "9" * 5000}),
        (EXPLORE, {"threshold": "nan"}),
        (EXPLORE, {"threshold": ""}),
        (EXPLORE, {"slice": "²"}),
        (EXPLORE, {"slice": "9" * 5000}),
        ("pages/5_Failures.py", {"case": "9" * 5000}),
        (EXPLORE, {"method": "winclip", "normal_slices": "x:" + "9" * 4400}),
    ],
    ids=lambda one: (
        one if isinstance(one, str) else "-".join(f"{k}={v[:6]}" for k, v in one.items())
    ),
)
def test_what_an_address_holds_ends_no_page(small_demo, page, query):
    test = at(page)
    for name, value in {"method": "intensity", **query}.items():
        test.query_params[name] = value
    shown(test)
