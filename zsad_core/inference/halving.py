"""Slices encoded in smaller batches where memory runs out."""

from collections.abc import Callable
from typing import TypeVar

from zsad_core import backbones
from zsad_core.base.jobs import remark

T = TypeVar("T")


def encoded(encode: Callable[[slice], T], start: int, stop: int) -> list[tuple[int, T]]:
    """(count, what `encode` gives) of the slices start … stop, at once if there is memory for it.

    Else of each half by itself, and so on down to single slices. Raises what `encode` raises of a
    single slice, or of another reason.
    """
    try:
        return [(stop - start, encode(slice(start, stop)))]
    except (MemoryError, RuntimeError) as error:
        if stop - start == 1 or not backbones.ran_out_of_memory(error):
            raise
    remark(f"memory ran out at {stop - start} slices at once, so fewer are encoded at once")
    middle = (start + stop) // 2
    return [*encoded(encode, start, middle), *encoded(encode, middle, stop)]
