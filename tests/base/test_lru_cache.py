import random
import sys
import threading
import time

import pytest

from zsad_core.base.lru_cache import LruCache


@pytest.fixture
def _often_switched():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_often_switched")
def test_values_pushed_out_or_cleared_meanwhile_are_still_given():
    cache, wrong, until = LruCache[int](3), [], time.monotonic() + 1

    def use(seed):
        chance = random.Random(seed)
        while time.monotonic() < until:
            key = chance.randrange(8)
            try:
                if cache.get(key, lambda key=key: (time.sleep(0.0002), key)[1]) != key:
                    wrong.append("another's value")
                if chance.random() < 0.02:
                    cache.clear()
            except KeyError as error:
                wrong.append(error)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong


def test_one_thread_makes_a_value_and_others_wait_for_it():
    cache, made = LruCache[int](2), []

    def make():
        time.sleep(0.05)
        made.append(1)
        return 7

    threads = [threading.Thread(target=cache.get, args=("key", make)) for _ in range(5)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(made), cache.peek("key")) == (1, 7)


def test_what_failed_is_made_again_by_the_next():
    cache = LruCache[int](2)
    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 // 0)
    assert cache.get("key", lambda: 3) == 3


def test_the_least_recently_used_goes_first():
    cache = LruCache[int](2)
    for key in (1, 2, 1, 3):
        cache.get(key, lambda key=key: key)
    assert [key for key in (1, 2, 3) if key in cache] == [1, 3]


def test_a_value_larger_than_the_whole_cache_pushes_none_out():
    cache = LruCache[str](5, len)
    for text in ("ab", "cd", "much too long"):
        assert cache.get(text, lambda text=text: text) == text
    assert [text for text in ("ab", "cd", "much too long") if text in cache] == ["ab", "cd"]
    cache.get("ef", lambda: "ef")
    assert [text for text in ("ab", "cd", "ef") if text in cache] == ["cd", "ef"]
