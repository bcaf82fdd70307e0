"""Presenting in process: cases are packed ahead, so that turning to one computes nothing."""

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pages.ui.failures import payloads, present
from pages.ui.shell import compute
from tests.helpers.pins import opened, pin, words
from zsad_core.base.jobs import Job
from zsad_core.inference.engine import Engine
from zsad_core.workspace import pins

pytestmark = pytest.mark.usefixtures("small_demo")
SUBJECTS = ("DEMO-MET-013-000", "DEMO-MET-014-000", "DEMO-MET-015-000", "DEMO-MET-016-000")


@pytest.fixture(autouse=True)
def _nothing_packed():
    payloads._payloads().clear()
    yield
    for job in compute.engine().jobs.running().values():
        job.cancel()


def until(true):
    for _ in range(1200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come within a minute")


def packed():
    return [not payloads.waiting(pins.view_of(compute.engine(), one)) for one in pins.all_pins()]


def test_all_cases_are_packed_while_the_first_is_shown():
    for subject in SUBJECTS:
        pin(subject, subject=subject)
    opened("Failures", query={"case": "1"})
    until(lambda: all(packed()))
    assert packed() == [True] * 4


@pytest.fixture
def line(monkeypatch):
    """Pins of four subjects, and those packed in turn; the first waits for `line.go`."""
    made = [pin(subject, subject=subject) for subject in SUBJECTS]
    found = SimpleNamespace(pins=made, packed=[], begun=threading.Event(), go=threading.Event())
    real = payloads._packed

    def packed_in_turn(view):
        found.packed.append(SUBJECTS.index(view.map.features.slices.subject))
        found.begun.set()
        assert found.go.wait(60)
        return real(view)

    monkeypatch.setattr(payloads, "_packed", packed_in_turn)
    yield found
    found.go.set()


def test_the_job_rests_while_another_case_is_asked_for(line, monkeypatch):
    looks, real = [], Job.progress

    def look(job, done, total, note=""):
        looks.append(done)
        real(job, done, total, note)

    monkeypatch.setattr(Job, "progress", look)
    job = payloads.prefetch(line.pins)
    assert line.begun.wait(60)
    last = pins.view_of(compute.engine(), line.pins[3])
    with payloads.interactive(last):
        line.go.set()
        until(lambda: looks.count(1) > 20 or job.done > 1)  # far more looks than a case has steps
        assert job.done == 1
        assert line.packed == [0]
        payloads.payload(last)
    until(lambda: job.state == "done")
    assert line.packed == [0, 3, 1, 2]


def test_jobs_rest_while_a_presented_case_is_packed(monkeypatch):
    asked, real = [], payloads.payload

    def payload(view):
        if threading.current_thread().name != "Preparing the cases":
            asked.append(payloads._prefetcher()._waiting == [view.map])
        return real(view)

    pin("one")
    monkeypatch.setattr(payloads, "payload", payload)
    opened("Failures", query={"case": "1"})
    assert asked
    assert all(asked)
    assert payloads._prefetcher()._waiting == []


def test_the_job_follows_the_case_in_view(line):
    job = payloads.prefetch(line.pins)
    assert line.begun.wait(60)
    assert payloads.prefetch(reversed(line.pins)) is job
    line.go.set()
    until(lambda: job.state == "done")
    assert line.packed == [0, 3, 2, 1]


def test_a_packed_case_is_shown_without_its_scan_or_map(monkeypatch):
    made = pin("one")
    view = pins.view_of(compute.engine(), made)
    assert payloads.waiting(view)
    first = payloads.payload(view)
    assert [name for name, _ in first.chunks] == ["volume", "map-0"]
    assert not first.maps[0][1].values.size

    def refuse(*_: object) -> None:
        raise AssertionError("a stored case was computed again")

    for name in ("stack", "volume"):
        monkeypatch.setattr(Engine, name, refuse)
    assert payloads.payload(view) is first
    test = opened("Failures", query={"case": "1"})
    assert "computed again" not in words(test)


def test_another_threshold_is_another_case():
    made = pin("one")
    view = pins.view_of(compute.engine(), made)
    payloads.payload(view)
    other = replace(view, threshold=replace(view.threshold, value=0.03))
    assert payloads.waiting(other)
    assert payloads.payload(other).options.threshold == 0.03


@pytest.mark.parametrize(("safe", "palette"), [(True, "safe"), (False, "classic")])
def test_a_presented_case_has_the_chosen_colours(monkeypatch, safe, palette):
    pin("one")
    shown = []
    monkeypatch.setattr(present, "show", lambda *_, options, **more: shown.append(options.palette))
    opened("Failures", query={"case": "1"}, safe=safe)
    assert set(shown) == {palette}
