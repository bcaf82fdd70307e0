"""The view that each user looked at last, as the query of its address, in `ZSAD_HOME`."""

from pathlib import Path

from zsad_core.base.atomic import write_whole
from zsad_core.base.paths import home


def keep(owner: str, query: str) -> None:
    """Keep the query of a view in place of the owner's last one; raises StorageError."""
    if query != last(owner):
        write_whole(_path(owner), query)


def last(owner: str) -> str:
    """The query that was kept last for an owner; "" without any that can be read."""
    try:
        return _path(owner).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _path(owner: str) -> Path:
    return home() / "last_view" / f"{owner}.txt"
