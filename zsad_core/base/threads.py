"""Pools of threads that end with Python."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from zsad_core.errors import Cancelled

P = ParamSpec("P")
T = TypeVar("T")


class ThreadPool(ThreadPoolExecutor):
    """A pool whose work is on behalf of who submits it, and is cancelled when Python ends."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start work in a copy of this thread's context: job, user, priority.

        Raises Cancelled once Python is ending, as no thread takes it any more.
        """
        try:
            return super().submit(copy_context().run, partial(fn, *args, **kwargs))
        except RuntimeError as error:
            raise Cancelled("Python ended before the work was done.") from error
