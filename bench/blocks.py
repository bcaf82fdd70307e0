"""The seconds that are spent in the transformer blocks of the towers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch

from zsad_core.backbones import clip_internals, tower

PASSES = (  # all ways through a block, as each module calls them
    (tower, "block_output"),
    (tower, "block_output_at"),
    (tower, "value_attention"),
    (tower, "two_streams"),
    (clip_internals, "block_output"),
)


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds of every pass through a block of either tower, V-V attention and pair of streams.

    Other threads are not counted, and a pass within another counts once.
    """
    seconds, thread, active = list[float](), threading.get_ident(), list[object]()

    def timed_version(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: object) -> object:
            if threading.get_ident() != thread or active:
                return work(*arguments)
            active.append(work)
            start = _now()
            result = work(*arguments)
            seconds.append(_now() - start)
            active.clear()
            return result

        return run

    with ExitStack() as undo:
        for where, name in PASSES:
            undo.enter_context(patch.object(where, name, timed_version(getattr(where, name))))
        yield seconds


def _now() -> float:
    """The clock once the device has done all it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
