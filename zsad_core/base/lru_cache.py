"""A bounded memory that threads share."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class LruCache(Generic[T]):
    """The most recently used values by frozen key, at most `most`; safe to use from threads.

    `most` is a number of values, or the sum of the sizes that `size` gives them. A value that is
    larger alone is given and not kept, and the others stay.

    >>> cache = LruCache[int](2)
    >>> cache.get("a", lambda: 1), cache.get("a", lambda: 2)
    (1, 1)
    """

    def __init__(self, most: int, size: Callable[[T], int] = lambda _: 1) -> None:
        self._most, self._size, self._total = most, size, 0
        self._values: OrderedDict[Hashable, T] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of the key; if it is missing, one thread makes it and others wait."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._values:
                    return self._values[key]
            value = make()
            with self._lock:
                self._making.pop(key, None)
                if self._size(value) <= self._most:
                    self._add(key, value)
            return value

    def _add(self, key: Hashable, value: T) -> None:
        self._values[key] = value
        self._total += self._size(value)
        while self._total > self._most:
            _, oldest = self._values.popitem(last=False)
            self._total -= self._size(oldest)

    def put(self, key: Hashable, value: T) -> None:
        """Add a value that was made elsewhere, unless the key has one."""
        self.get(key, lambda: value)

    def peek(self, key: Hashable) -> T | None:
        """The value of the key, or None; never makes it."""
        return self._values.get(key)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    def clear(self) -> None:
        """Forget every value, except those that are being made."""
        with self._lock:
            self._values.clear()
            self._total = 0
