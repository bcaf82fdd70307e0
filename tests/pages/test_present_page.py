"""Presenting in process: cases are packed ahead, so that turning to one computes nothing."""

import time
from dataclasses import replace

import pytest

from pages.ui import compute, parcels, present
from tests.pages.test_failures import _small_demo, opened, pin, words  # noqa: F401 — a fixture
from zsad_core import pins
from zsad_core.engine import Engine

SUBJECTS = ("DEMO-MET-013-000", "DEMO-MET-014-000", "DEMO-MET-015-000", "DEMO-MET-016-000")


@pytest.fixture(autouse=True)
def _nothing_packed():
    parcels._kept().clear()
    yield
    for job in compute.engine().jobs.running().values():
        job.cancel()


def packed():
    return [not parcels.waiting(pins.view_of(compute.engine(), one)) for one in pins.all_pins()]


def test_all_cases_are_packed_while_the_first_is_shown():
    for subject in SUBJECTS:
        pin(subject, subject=subject)
    opened("Failures", query={"case": "1"})
    for _ in range(600):
        if all(packed()):
            break
        time.sleep(0.1)
    assert packed() == [True] * 4


def test_a_packed_case_is_shown_without_its_scan_or_map(monkeypatch):
    made = pin("one")
    view = pins.view_of(compute.engine(), made)
    assert parcels.waiting(view)
    first = parcels.parcel(view)
    assert [name for name, _ in first.pieces] == ["volume", "map-0"]
    assert not first.maps[0][1].levels.size

    def refuse(*_: object) -> None:
        raise AssertionError("a stored case was computed again")

    for name in ("stack", "volume"):
        monkeypatch.setattr(Engine, name, refuse)
    assert parcels.parcel(view) is first
    test = opened("Failures", query={"case": "1"})
    assert "computed again" not in words(test)


def test_another_level_is_another_case():
    made = pin("one")
    view = pins.view_of(compute.engine(), made)
    parcels.parcel(view)
    other = replace(view, threshold=replace(view.threshold, level=7))
    assert parcels.waiting(other)
    assert parcels.parcel(other).options.threshold == 7


@pytest.mark.parametrize(("safe", "palette"), [(True, "safe"), (False, "classic")])
def test_a_presented_case_has_the_chosen_colours(monkeypatch, safe, palette):
    pin("one")
    shown = []
    monkeypatch.setattr(present, "show", lambda *_, options, **more: shown.append(options.palette))
    opened("Failures", query={"case": "1"}, safe=safe)
    assert set(shown) == {palette}
