"""Files that appear whole or not at all, locks, and refusals of the disk as errors."""

import contextlib
import errno
import functools
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import filelock

from zsad_core.errors import SettingError, StorageError

UNFINISHED = ".unfinished-"
"""Prefix of the names of unfinished files and folders, which nothing reads."""
OUTPUT_MARK = ".zsad-explorer"
"""Name of the file that marks a folder as written by a command of this project."""
ABANDONED_S = 3600.0  # after so long unchanged, a killed process left it


def _numbers(*names: str) -> set[int]:
    """The errors of those names that this system has."""
    return {getattr(errno, name) for name in names if hasattr(errno, name)}


WITHOUT_LOCKS = _numbers("ENOLCK", "EOPNOTSUPP", "ENOTSUP")
REFUSALS = WITHOUT_LOCKS | _numbers(
    *("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO", "ENOTDIR"),
    *("EISDIR", "EEXIST", "ENOTEMPTY", "ENAMETOOLONG", "ELOOP"),
)


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that replaces it when the block ends without an error.

    The block makes a file or a folder there; missing parent folders are made. If the block raises,
    the temporary file is removed and `path` stays as it was. Each writer of a file has a temporary
    name of its own, and the last one wins. Raises StorageError if the disk refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(Path(folder, "new", "a.txt")) as temporary:
    ...         _ = temporary.write_text("all of it")
    ...     [path.name for path in Path(folder, "new").iterdir()]
    ['a.txt']
    """
    temporary = path.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
    with on_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            _remove(temporary)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write bytes, or text as UTF-8, that appear whole or not at all; raises StorageError."""
    with whole(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextlib.contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Hold `path` for the block, which may read and change it, alone among threads and processes.

    Raises StorageError, and filelock.Timeout if another holds it and `wait` is False.
    """
    lock = filelock.FileLock(lock_of(path))
    with on_disk(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=wait)
    try:
        yield
    finally:
        lock.release()


def claim(folder: Path) -> None:
    """Mark a folder as one for output, made if missing; hidden files do not count.

    Raises StorageError, and SettingError where it holds what no such output can be.
    """
    with on_disk(folder):
        names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
        others = [name for name in names if not name.startswith(".")]
        if others and OUTPUT_MARK not in names:
            raise SettingError(
                f"'{folder}' holds something else ('{others[0]}'); choose a new or empty folder, "
                f"or one of earlier output, which holds a file {OUTPUT_MARK}."
            )
        write_whole(folder / OUTPUT_MARK, "Written by ZSAD Explorer, which may replace its files.")


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """`claim` a folder for the block; if that fails before it writes, a new folder is removed.

    Raises SettingError and StorageError as `claim` does.
    """
    new = not folder.exists()
    claim(folder)
    try:
        yield
    except BaseException:
        if new and [path.name for path in folder.glob("*")] == [OUTPUT_MARK]:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def lock_of(path: Path) -> Path:
    """The lock file of a path."""
    return path.with_name(f"{path.name}.lock")


@contextlib.contextmanager
def on_disk(path: Path | None = None) -> Iterator[None]:
    """Turn refusals of the disk within the block into StorageError.

    It names `path`, which the block writes, or else the path that the system names.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        done = "written" if path else "read or written"
        place = path or error.filename
        named = f"'{place}'" if place else "The output or a file"
        raise StorageError(
            f"{named} cannot be "
            f"{'locked' if error.errno in WITHOUT_LOCKS else done} ({error.strerror}); make room "
            "and allow it, or choose another folder by --out, ZSAD_CACHE or ZSAD_HOME."
        ) from error


def sweep(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder."""
    before = time.time() - ABANDONED_S
    for path in folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):  # another process sweeps too
            if path.stat().st_mtime < before:
                _remove(path)


@functools.lru_cache(1024)
def _sweep_once(folder: Path) -> None:
    """Sweep once in each process, as listing thousands of files takes time."""
    sweep(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
