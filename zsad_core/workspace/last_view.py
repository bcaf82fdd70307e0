"""The view that each user looked at last, as the query of its address, in a `home`."""

import contextlib
import time
from pathlib import Path

from zsad_core.base import paths
from zsad_core.base.atomic import write_whole

KEPT_S = 365 * 86400.0  # as long as a browser keeps the name by which its user is known


def keep(owner: str, query: str, home: Path | None = None) -> None:
    """Keep an owner's last query; remove what nobody can come back to. Raises StorageError."""
    path = _path(owner, home)
    write_whole(path, query)
    before = time.time() - KEPT_S
    for other in path.parent.glob("*.txt"):
        with contextlib.suppress(OSError):  # another process removes it too
            if other.stat().st_mtime < before:
                other.unlink()


def last(owner: str, home: Path | None = None) -> str:
    """The query that was kept last for an owner; "" without any that can be read."""
    try:
        return _path(owner, home).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _path(owner: str, home: Path | None) -> Path:
    return (home or paths.home()) / "last_view" / f"{owner}.txt"
