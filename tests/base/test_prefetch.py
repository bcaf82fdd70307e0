"""Work ahead of time: its order, and how it rests for what is asked for."""

import threading

import pytest

from zsad_core.base.prefetch import Ahead
from zsad_core.errors import Cancelled


def test_the_most_wanted_comes_first_and_what_nobody_wants_last():
    ahead = Ahead()
    assert ahead.first(["a", "b", "c"]) == "a"
    ahead.want(["c", "b"])
    assert ahead.first(["a", "b", "c"]) == "c"
    ahead.want(["b", "c"])
    assert ahead.first(["a", "b", "c"]) == "b"
    assert ahead.first(["a"]) == "a"


def test_work_rests_while_something_else_is_asked_for():
    ahead, looks, done = Ahead(), threading.Semaphore(0), []

    def work():
        ahead.step("mine", looks.release)()
        done.append("mine")

    with ahead.asked("other"):
        thread = threading.Thread(target=work)
        thread.start()
        assert all(looks.acquire(timeout=60) for _ in range(2))  # the second one while it rests
        done.append("other")
    thread.join()
    assert done == ["other", "mine"]


def test_work_on_the_very_thing_that_is_asked_for_goes_on():
    ahead, looks = Ahead(), []
    with ahead.asked("mine"):
        ahead.step("mine", lambda: looks.append(1))()
    assert looks == [1]


def test_resting_work_can_be_cancelled():
    ahead, looks = Ahead(), []

    def look():
        looks.append(1)
        if len(looks) == 2:
            raise Cancelled("'packing' was cancelled after 1 of 4.")

    with ahead.asked("other"), pytest.raises(Cancelled, match="after 1 of 4"):
        ahead.step("mine", look)()
    assert len(looks) == 2
    ahead.step("mine", look)()
