"""The seconds that are spent in the transformer blocks of the towers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zsad_core.backbones.clip_internals import around_pass


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds of every pass through a block of either tower, V-V attention and pair of streams.

    Other threads are not counted, and a pass within another counts once.
    """
    seconds, active = list[float](), False

    @contextmanager
    def measured() -> Iterator[None]:
        nonlocal active
        if active:
            yield
            return
        active, start = True, _now()
        yield
        seconds.append(_now() - start)
        active = False

    token = around_pass.set(measured)
    try:
        yield seconds
    finally:
        around_pass.reset(token)


def _now() -> float:
    """The time once the device has done all its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
