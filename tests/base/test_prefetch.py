"""Work ahead of time: its order, and how it rests for what is asked for."""

import threading

import pytest

from zsad_core.base.prefetch import Prefetcher
from zsad_core.errors import Cancelled


def test_the_most_wanted_comes_first_and_what_nobody_wants_last():
    prefetcher = Prefetcher()
    assert prefetcher.first(["a", "b", "c"]) == "a"
    prefetcher.prioritise(["c", "b"])
    assert prefetcher.first(["a", "b", "c"]) == "c"
    prefetcher.prioritise(["b", "c"])
    assert prefetcher.first(["a", "b", "c"]) == "b"
    assert prefetcher.first(["a"]) == "a"


def test_work_rests_while_something_else_is_asked_for():
    prefetcher, looks, done = Prefetcher(), threading.Semaphore(0), []

    def work():
        prefetcher.step("mine", looks.release)()
        done.append("mine")

    with prefetcher.interactive("other"):
        thread = threading.Thread(target=work)
        thread.start()
        assert all(looks.acquire(timeout=60) for _ in range(2))  # the second one while it rests
        done.append("other")
    thread.join()
    assert done == ["other", "mine"]


def test_work_on_the_very_thing_that_is_asked_for_goes_on():
    prefetcher, looks = Prefetcher(), []
    with prefetcher.interactive("mine"):
        prefetcher.step("mine", lambda: looks.append(1))()
    assert looks == [1]


def test_resting_work_can_be_cancelled():
    prefetcher, looks = Prefetcher(), []

    def look():
        looks.append(1)
        if len(looks) == 2:
            raise Cancelled("'packing' was cancelled after 1 of 4.")

    with prefetcher.interactive("other"), pytest.raises(Cancelled, match="after 1 of 4"):
        prefetcher.step("mine", look)()
    assert len(looks) == 2
    prefetcher.step("mine", look)()
