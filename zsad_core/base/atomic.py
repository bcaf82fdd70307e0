"""Files that appear whole or not at all, one writer at a time, and a disk that says no."""

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

from zsad_core.errors import StorageError

UNFINISHED = ".unfinished-"
"""How the name of what is not whole begins; nothing reads such a file or folder."""
ABANDONED_S = 3600.0  # untouched for so long, it is what a killed process left
REFUSALS = {
    getattr(errno, name)
    for name in (
        *("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EIO", "ENOLCK", "ENOTDIR"),
        *("EISDIR", "EEXIST", "ENOTEMPTY", "ENAMETOOLONG", "ELOOP"),
    )
    if hasattr(errno, name)
}


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    The block makes a file or a folder there. Folders that lack are made. When the block raises,
    what was written goes and `path` stays as it was. Writers of one file do not meet: each has a
    temporary name of its own, and the last wins. Raises StorageError where the disk refuses.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(Path(folder, "new", "a.txt")) as temporary:
    ...         _ = temporary.write_text("all of it")
    ...     [one.name for one in Path(folder, "new").iterdir()]
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
    """Hold `path` for the block, alone among all threads and processes.

    What is read, changed and written by several goes inside, so that no change is lost. Raises
    StorageError, and filelock.Timeout where somebody else holds it and one does not `wait`.
    """
    lock = filelock.FileLock(lock_of(path))
    with on_disk(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=wait)
    try:
        yield
    finally:
        lock.release()


def lock_of(path: Path) -> Path:
    """The file that stands for the lock of a path."""
    return path.with_name(f"{path.name}.lock")


@contextlib.contextmanager
def on_disk(path: Path | None = None) -> Iterator[None]:
    """Where the disk refuses what the block does, say so as a StorageError.

    It names `path`, which the block writes, or else what the system names.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        done = "written" if path else "read or written"
        raise StorageError(
            f"'{path or error.filename or 'A file'}' cannot be "
            f"{'locked' if error.errno == errno.ENOLCK else done} ({error.strerror}); make room "
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
    """Sweep at a process's first write into a folder: a look at thousands of files takes time."""
    sweep(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
