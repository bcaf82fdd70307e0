"""The two places on disk: what can be made again, and what a user made."""

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import platformdirs

from zsad_core.base.atomic import locked, write_whole
from zsad_core.errors import SettingError, StorageError

T = TypeVar("T")


def cache_root() -> Path:
    """`ZSAD_CACHE`, by default the project's `cache/`: holds only what can be made again."""
    chosen = os.environ.get("ZSAD_CACHE")
    return Path(chosen).expanduser() if chosen else Path(__file__).parents[2] / "cache"


def cache_bytes() -> int:
    """Most bytes of the store, `ZSAD_CACHE_GB`, by default 20 GB; raises SettingError."""
    text = os.environ.get("ZSAD_CACHE_GB", "20")
    try:
        return int(float(text) * 2**30)
    except (ValueError, OverflowError) as error:
        raise SettingError(
            f"ZSAD_CACHE_GB is '{text}'; give a number of GB, such as 20."
        ) from error


def kept(file: str, key: str, make: Callable[[], T]) -> T:
    """What JSON can hold, from a file of the cache; made and kept there where the key is new.

    Where the disk refuses it is made each time, and the log says so.
    """
    path = cache_root() / file
    known = _known(path)
    if key in known:
        return cast(T, known[key])
    made = make()
    try:
        with locked(path):
            write_whole(path, json.dumps({**_known(path), key: made}, indent=1))
    except StorageError as error:
        logging.getLogger(__name__).warning(error)
    return made


def _known(path: Path) -> dict[str, Any]:
    """What a file keeps; nothing where it is not there or damaged."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def home() -> Path:
    """`ZSAD_HOME`, by default the platform's user data folder: holds what a user made."""
    chosen = os.environ.get("ZSAD_HOME")
    return (
        Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("zsad-explorer"))
    )


def typed(text: str) -> Path:
    """The whole path that a user typed, there or not; `~` is their own folder.

    Raises SettingError for what can be no path here, and for what others uploaded.
    """
    try:
        path = Path(text).expanduser().resolve()
        path.exists()
        private = path.is_relative_to(uploads().resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise SettingError(
            f"'{text[:80]}' cannot be used as a path ({error}); give another."
        ) from error
    if private:
        raise SettingError(f"'{text[:80]}' holds what users uploaded for themselves; give another.")
    return path


def shortened(path: Path) -> str:
    """The path as a user writes it, with `~` for their own folder; `expanduser` reads it again."""
    own = Path.home()
    return f"~/{path.relative_to(own).as_posix()}" if path.is_relative_to(own) else str(path)


def uploads() -> Path:
    """What came through browsers, a folder a user; no data set is opened from here by its path."""
    return home() / "uploads"
