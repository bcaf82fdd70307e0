"""Large libraries, imported a little quicker."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType


@contextmanager
def many_imports() -> Iterator[None]:
    """For a block that imports much, a tenth of whose time Python would look for garbage.

    What is there at its end, mostly code that stays for good, is not looked through again; so such
    a block must run once only.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


def imported(name: str) -> ModuleType:
    """A module that imports much, as a block of `many_imports` the first time."""
    if name not in sys.modules:
        with many_imports():
            import_module(name)
    return import_module(name)  # waits where another thread is at it
