"""Large libraries, imported a little quicker."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def many_imports() -> Iterator[None]:
    """For a block that imports much, a tenth of whose time Python would look for garbage.

    What is there at its end, mostly code that stays for good, is not looked through again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
