"""The two places on disk: what can be made again, and what a user made."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import platformdirs

from zsad_core.base.atomic import whole

T = TypeVar("T")


def cache_root() -> Path:
    """`ZSAD_CACHE`, by default the project's `cache/`: holds only what can be made again."""
    chosen = os.environ.get("ZSAD_CACHE")
    return Path(chosen).expanduser() if chosen else Path(__file__).parents[2] / "cache"


def kept(file: str, key: str, make: Callable[[], T]) -> T:
    """What JSON can hold, from a file of the cache; made and kept there where the key is new."""
    path = cache_root() / file
    try:
        known = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        known = {}
    if key not in known:
        known[key] = make()
        with whole(path) as temporary:
            temporary.write_text(json.dumps(known, indent=1))
    found: T = known[key]
    return found


def home() -> Path:
    """`ZSAD_HOME`, by default the platform's user data folder: holds what a user made."""
    chosen = os.environ.get("ZSAD_HOME")
    return (
        Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("zsad-explorer"))
    )


def shortened(path: Path) -> str:
    """The path as a user writes it, with `~` for their own folder; `expanduser` reads it again."""
    own = Path.home()
    return f"~/{path.relative_to(own).as_posix()}" if path.is_relative_to(own) else str(path)


def uploads() -> Path:
    """What came through browsers, a folder a user; no data set is opened from here by its path."""
    return home() / "uploads"
