"""The two folders on disk: the cache, which can be made again, and the user's home."""

import hashlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import platformdirs

from zsad_core.base import access
from zsad_core.base.atomic import locked, write_whole
from zsad_core.errors import SettingError, StorageError
from zsad_core.types import DataSpec

T = TypeVar("T")
MADE_HERE = ("results", "trained")
"""Folders of the home whose files may be opened wherever data may lie."""
_TOP = Path(__file__).parents[2]  # the checkout, or where the package was installed


def app_script() -> Path:
    """The start page, for `streamlit run`."""
    return (_TOP if _in_checkout() else _TOP / "zsad_explorer") / "app.py"


def cache_root() -> Path:
    """`ZSAD_CACHE`, by default `cache/` of a checkout, else the platform's cache folder.

    It holds only what can be made again.
    """
    if chosen := os.environ.get("ZSAD_CACHE"):
        return Path(chosen).expanduser()
    if _in_checkout():
        return _TOP / "cache"
    return Path(platformdirs.user_cache_dir("zsad-explorer"))


def _in_checkout() -> bool:
    return (_TOP / "app.py").is_file() and (_TOP / "pyproject.toml").is_file()


def cache_bytes() -> int:
    """Most bytes of the store, `ZSAD_CACHE_GB`, by default 20 GB; raises SettingError."""
    return _limit("ZSAD_CACHE_GB", 20 * 2**30)


def feature_bytes(default: int) -> int:
    """Most bytes of features held on the device, `ZSAD_FEATURES_GB`; raises SettingError."""
    return _limit("ZSAD_FEATURES_GB", default)


def added_bytes() -> int | None:
    """Most bytes that one user adds to the store a day, `ZSAD_CACHE_DAY_GB`; None for no limit.

    Raises SettingError.
    """
    return _limit("ZSAD_CACHE_DAY_GB", 0) if os.environ.get("ZSAD_CACHE_DAY_GB") else None


def upload_bytes(default: int) -> int:
    """Most bytes of uploads kept for one user, `ZSAD_UPLOADS_GB`; raises SettingError."""
    return _limit("ZSAD_UPLOADS_GB", default)


def _limit(name: str, default: int) -> int:
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        return int(float(text) * 2**30)
    except (ValueError, OverflowError) as error:
        raise SettingError(f"{name} is '{text}'; give a number of GB, such as 20.") from error


def cached(file: str, key: str, make: Callable[[], T]) -> T:
    """A JSON value by its key in a file of the cache, made and stored if the key is new.

    If the file cannot be written, the value is made each time and the log has a warning.
    """
    path = cache_root() / file
    content = _cached_content(path)
    if key in content:
        return cast(T, content[key])
    value = make()
    try:
        with locked(path):
            write_whole(path, json.dumps({**_cached_content(path), key: value}, indent=1))
    except StorageError as error:
        logging.getLogger(__name__).warning(error)
    return value


def _cached_content(path: Path) -> dict[str, Any]:
    """The values of a file by their keys; empty if the file is missing or damaged."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def home() -> Path:
    """`ZSAD_HOME`, by default the platform's user data folder: holds what a user made."""
    chosen = os.environ.get("ZSAD_HOME") or platformdirs.user_data_dir("zsad-explorer")
    return Path(chosen).expanduser()


def home_of(user: str) -> Path:
    """The home of one user of several, by the mark of their login; of "" the one of all."""
    return users() / user if user else home()


def users() -> Path:
    """The homes of users who log in, a folder for each."""
    return home() / "users"


def root_of(data: DataSpec) -> str:
    """The resolved path of the folder of a data set, else its kind."""
    return str(Path(data.root).expanduser().resolve()) if data.root else data.kind


def root_name(data: DataSpec) -> str:
    """The name of the folder of a data set, with the first digits of the SHA-256 of its path.

    "" for the demo, and for uploads, whose folder is of one user alone.
    """
    if not data.root or data.private:
        return ""
    path = root_of(data)
    return f"{Path(path).name} ({hashlib.sha256(path.encode()).hexdigest()[:8]})"


def typed(text: str, own: Path | None = None) -> Path:
    """The absolute path that a user typed, existing or not; `~` is their own folder.

    Raises SettingError for an impossible path, for uploads and what lies in the homes of users, and
    where an operator limits what may be opened, for all else but results and trained checkpoints in
    the home of all users. Those in the user's `own` home may be opened wherever it lies.
    """
    try:
        path = Path(text).expanduser().resolve()
        homes = [place.resolve() for place in (home(), own) if place]
        made_here = any(path.is_relative_to(place / name) for place in homes for name in MADE_HERE)
        if not made_here and not access.permits(path):
            raise access.refused(text)
        path.exists()
        apart = any(path.is_relative_to(place.resolve()) for place in (uploads(), users()))
        private = apart and not made_here
    except (OSError, RuntimeError, ValueError) as error:
        if access.folders() is not None:
            raise access.refused(text) from error
        raise SettingError(
            f"'{text[:80]}' cannot be used as a path ({error}); give another."
        ) from error
    if private:
        raise SettingError(f"'{text[:80]}' holds what users keep for themselves; give another.")
    return path


def shortened(path: Path) -> str:
    """The path as a user writes it, with `~` for their own folder; `expanduser` reads it again."""
    own = Path.home()
    return f"~/{path.relative_to(own).as_posix()}" if path.is_relative_to(own) else str(path)


def uploads() -> Path:
    """Uploads, a folder for each user; no data set here can be opened by its path."""
    return home() / "uploads"
