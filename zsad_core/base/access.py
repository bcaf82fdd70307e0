"""Which folders of this machine the users of a running app may open."""

import os
from pathlib import Path

from zsad_core.errors import SettingError

VARIABLE = "ZSAD_ROOTS"


def folders() -> tuple[Path, ...] | None:
    """The folders that the operator names, separated as in PATH; None where any may be opened.

    `ZSAD_DATA` is one of them.
    """
    named = os.environ.get(VARIABLE)
    if named is None:
        return None
    every = (*named.split(os.pathsep), os.environ.get("ZSAD_DATA", ""))
    return tuple(Path(text).expanduser().resolve() for text in every if text)


def permits(path: Path) -> bool:
    """Whether an absolute path lies in one of the folders."""
    allowed = folders()
    return allowed is None or any(path.resolve().is_relative_to(folder) for folder in allowed)


def refused(text: str) -> SettingError:
    """The error for a path as it was typed; the same whether it exists or not."""
    return SettingError(
        f"'{text[:80]}' lies in no folder that may be opened here; give one of those that the "
        f"operator of this server named ({VARIABLE})."
    )


def lift() -> None:
    """For commands, whose user may open whatever the machine lets them."""
    os.environ.pop(VARIABLE, None)
