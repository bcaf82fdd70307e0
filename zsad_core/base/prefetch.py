"""What is made before anybody asks for it: the most wanted first, and nothing while others wait."""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
LOOK_S = 0.2  # from one look to the next while the work rests


class Prefetcher(Generic[T]):
    """Stands between a job that makes things ahead of time and who asks for one of them now.

    The job goes on with what is most wanted by then, and rests at its steps while something else
    is asked for: never while that very thing is, since who asks for it waits for the job.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._places: dict[T, int] = {}
        self._waiting: list[Hashable] = []

    def prioritise(self, order: Sequence[T]) -> None:
        """From now on that order, the most wanted first."""
        self._places = {one: place for place, one in enumerate(order)}

    def first(self, left: Sequence[T]) -> T:
        """The most wanted of what is left to make."""
        places = self._places
        return min(left, key=lambda one: places.get(one, len(places)))

    @contextmanager
    def interactive(self, what: Hashable) -> Iterator[None]:
        """Somebody waits for it in this block, so that jobs rest."""
        with self._changed:
            self._waiting.append(what)
        try:
            yield
        finally:
            with self._changed:
                self._waiting.remove(what)
                self._changed.notify_all()

    def step(self, what: Hashable, look: Callable[[], object]) -> Callable[..., None]:
        """A function for a job that makes `what` to call at its steps; it rests where it has to.

        `look` is called before, and now and then meanwhile; it may raise Cancelled.
        """

        def rest(*_: object) -> None:
            look()
            with self._changed:
                while any(one != what for one in self._waiting):
                    self._changed.wait(LOOK_S)
                    look()

        return rest
