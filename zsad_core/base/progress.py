"""Progress through a sequence of items."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from zsad_core.types import Progress

T = TypeVar("T")


def tracked(items: Sequence[T], progress: Progress | None) -> Iterator[T]:
    """The items one by one; `progress` is called before each and after the last.

    >>> list(tracked("ab", lambda done, total: print(done, total)))
    0 2
    1 2
    2 2
    ['a', 'b']
    """
    for done, item in enumerate(items):
        if progress:
            progress(done, len(items))
        yield item
    if progress:
        progress(len(items), len(items))
