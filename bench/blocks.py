"""The seconds that are spent in the transformer blocks of the towers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from open_clip.transformer import ResidualAttentionBlock
from torch.nn.modules import module

from zsad_core.backbones import tower

WALKED = ("value_attention", "two_streams")  # they read the parts of a block, not the block


@contextmanager
def timed() -> Iterator[list[float]]:
    """Seconds of each pass through a block of either tower, of each V-V attention, of each walk.

    What other threads do meanwhile is not counted.
    """
    spent, began, own = list[float](), list[float](), threading.get_ident()

    def counts(block: object) -> bool:
        return isinstance(block, ResidualAttentionBlock) and threading.get_ident() == own

    def before(block: object, _: object) -> None:
        if counts(block):
            began.append(_now())

    def after(block: object, *_: object) -> None:
        if counts(block):
            spent.append(_now() - began.pop())

    def around(work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: object) -> object:
            if threading.get_ident() != own:
                return work(*given)
            start = _now()
            found = work(*given)
            spent.append(_now() - start)
            return found

        return run

    with ExitStack() as undo:
        undo.callback(module.register_module_forward_pre_hook(before).remove)
        undo.callback(module.register_module_forward_hook(after).remove)
        for name in WALKED:
            undo.enter_context(patch.object(tower, name, around(getattr(tower, name))))
        yield spent


def _now() -> float:
    """The clock once the device has done all it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
