"""Items made ahead of time, the most wanted first, pausing while a user waits for another."""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
LOOK_S = 0.2  # between looks while the work pauses


class Prefetcher(Generic[T]):
    """Coordinates a job that makes items ahead of time with users who wait for an item.

    The most wanted item is made next; the job pauses while a user waits for another one.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ranks: dict[T, int] = {}
        self._waiting: list[Hashable] = []

    def prioritise(self, order: Sequence[T]) -> None:
        """Set the order of items, the most wanted first."""
        self._ranks = {item: rank for rank, item in enumerate(order)}

    def first(self, remaining: Sequence[T]) -> T:
        """The most wanted of the remaining items."""
        ranks = self._ranks
        return min(remaining, key=lambda item: ranks.get(item, len(ranks)))

    @contextmanager
    def interactive(self, item: Hashable) -> Iterator[None]:
        """A user waits for the item in this block, so jobs on other items pause."""
        with self._changed:
            self._waiting.append(item)
        try:
            yield
        finally:
            with self._changed:
                self._waiting.remove(item)
                self._changed.notify_all()

    def step(self, item: Hashable, look: Callable[[], object]) -> Callable[..., None]:
        """A function that a job on the item calls at its steps, to pause if necessary.

        `look` is called first and repeatedly during the pause; it may raise Cancelled.
        """

        def pause(*_: object) -> None:
            look()
            with self._changed:
                while any(other != item for other in self._waiting):
                    self._changed.wait(LOOK_S)
                    look()

        return pause
