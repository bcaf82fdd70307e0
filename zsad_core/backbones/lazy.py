"""torch, imported when something of it is first used.

It takes two seconds, and the first page needs none of it, only the names and settings of methods.
Modules that the first page imports take torch from here; all others import it directly.
(`importlib.util.LazyLoader` has a race between threads before Python 3.12.3.)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch.nn import functional
else:

    class _WhenUsed:
        """A module that is imported at the first access to an attribute."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> object:
            return getattr(import_module(self._name), attribute)

    torch = _WhenUsed("torch")
    functional = _WhenUsed("torch.nn.functional")

__all__ = ["functional", "torch"]
