"""Large libraries, imported a little quicker."""

import gc
import sys
from importlib import import_module
from types import ModuleType


def imported(name: str) -> ModuleType:
    """A module that imports much, a tenth of whose time Python would look for garbage.

    What is there after the first time, mostly code that stays, is not looked through again.
    """
    if name not in sys.modules:
        gc.disable()
        try:
            import_module(name)
        finally:
            gc.enable()
            gc.freeze()
    return import_module(name)  # waits where another thread is at it
