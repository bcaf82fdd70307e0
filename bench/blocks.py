"""The seconds that are spent in the transformer blocks of the towers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch

from zsad_core.backbones import clip_internals, tower

WALKS = (  # all ways through a block, as each module calls them
    (tower, "through"),
    (tower, "through_at"),
    (tower, "value_attention"),
    (tower, "two_streams"),
    (clip_internals, "through"),
)


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds of each pass through a block of either tower, of each V-V attention, of each walk.

    What other threads do meanwhile is not counted, and a walk that calls another is one.
    """
    spent, own, within = list[float](), threading.get_ident(), list[object]()

    def around(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: object) -> object:
            if threading.get_ident() != own or within:
                return work(*given)
            within.append(work)
            start = _now()
            found = work(*given)
            spent.append(_now() - start)
            within.clear()
            return found

        return run

    with ExitStack() as undo:
        for where, name in WALKS:
            undo.enter_context(patch.object(where, name, around(getattr(where, name))))
        yield spent


def _now() -> float:
    """The clock once the device has done all it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
