"""open_clip, imported without torch's compiler: in less than half the time.

torchvision and timm, which it imports, take one function each of `torch._dynamo`, and with it the
1.6 of 2.6 seconds that the compiler takes to import. Both functions are put off here until
somebody calls them; nothing in this project compiles. Import open_clip from here.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

import torch.compiler

try:  # what torch itself marks its functions with: it imports the compiler at their first call
    from torch._compile import _disable_dynamo as disable_later
except ImportError:  # another torch has it elsewhere: then all is imported as ever
    disable_later = torch.compiler.disable

UTILS = "torch._dynamo.utils"


class _Later(ModuleType):
    """Stands for `torch._dynamo.utils` until more of it is asked for than torchvision asks."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # asked for by whoever looks through all modules
            raise AttributeError(name)
        return getattr(_real(), name)

    @staticmethod
    def is_compile_supported(device_type: str) -> bool:
        """What torchvision takes of it, to call in an operation of its own."""
        return bool(_real().is_compile_supported(device_type))


def _real() -> ModuleType:
    if isinstance(sys.modules.get(UTILS), _Later):
        del sys.modules[UTILS]
    return import_module(UTILS)


@contextmanager
def compiler_later() -> Iterator[None]:
    """Put off the import of torch's compiler, unless it is there already."""
    if UTILS in sys.modules:
        yield
        return
    disable = torch.compiler.disable
    sys.modules[UTILS] = _Later(UTILS)
    torch.compiler.disable = lambda fn=None, recursive=True, **_: disable_later(fn, recursive)
    try:
        yield
    finally:
        torch.compiler.disable = disable
        if isinstance(sys.modules.get(UTILS), _Later):
            del sys.modules[UTILS]


with compiler_later():
    import open_clip

__all__ = ["open_clip"]
