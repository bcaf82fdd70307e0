"""Folders of uploads: one for each user, under a name that cannot be guessed, never shared.

`uploads/TOKEN-GENERATION/scans/SUBJECT/` holds the scans of a subject; beside `scans` lies what was
made of them. A subject's name is never used twice in a folder, and a removed folder comes back
under another name, so whatever is cached under a data set and a subject stays true. Files that
arrive lie in `uploads/.arriving` until they are checked.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import filelock

from zsad_core.base.atomic import lock_of, locked
from zsad_core.base.paths import uploads
from zsad_core.base.store import Store
from zsad_core.errors import Cancelled
from zsad_core.imaging.datasets.uploaded import SCANS
from zsad_core.imaging.uploads import limits
from zsad_core.types import DataSpec

ARRIVING = ".arriving"


def new_token(secret: str = "") -> str:
    """A name for a user's folder, from a secret that only the user has or at random.

    >>> new_token("a") == new_token("a"), new_token() == new_token()
    (True, False)
    """
    return hashlib.sha256((secret or secrets.token_hex()).encode()).hexdigest()[:32]


def folder_of(token: str) -> Path | None:
    """The user's folder, if there is one."""
    return next(uploads().glob(f"{token}-*"), None)


def own_folder(token: str) -> Path:
    """The user's folder, created if missing; nobody else on the machine may read it."""
    folder = folder_of(token) or uploads() / f"{token}-{secrets.token_hex(4)}"
    uploads().mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def data_of(token: str) -> DataSpec | None:
    """The user's uploads as a data set, None without any; renews the time until they expire."""
    folder = folder_of(token)
    if folder is None or not subjects(folder):
        return None
    with contextlib.suppress(FileNotFoundError):  # swept at this moment
        os.utime(folder)
    return DataSpec("upload", str(folder))


def subjects(folder: Path) -> list[str]:
    """Names of the subjects in a user's folder."""
    return sorted(path.name for path in folder.glob(f"{SCANS}/*/") if any(path.iterdir()))


def free_name(folder: Path, title: str) -> str:
    """The title, with a number added if a subject has or had that name."""
    name, number = title, 1
    while (folder / SCANS / name).exists():
        number += 1
        name = f"{title}-{number}"
    return name


def remove(store: Store, folder: Path, subject: str) -> None:
    """Remove a subject's files and store entries; with the last subject, everything."""
    if subject not in subjects(folder):
        return
    with locked(_guard(folder)):
        for path in (folder / SCANS / subject).iterdir():
            path.unlink()
    store.forget(folder.name, f'"subject": "{subject}"')
    if not subjects(folder):
        _remove_all(store, folder)


@contextlib.contextmanager
def guarded(data: DataSpec, subject: str) -> Iterator[None]:
    """For the block, which writes what belongs to a subject, an uploaded one is not removed.

    Raises Cancelled for one that was. Other data need no guard.
    """
    if not data.private:
        yield
        return
    folder = Path(data.root)
    with locked(_guard(folder)):
        if subject not in subjects(folder):
            raise Cancelled("This scan was removed.")
        yield


def sweep(store: Store, hours: float = limits.HOURS) -> int:
    """Remove the folders not used for so long; returns how many were removed."""
    gone, before = 0, time.time() - hours * 3600
    for folder in _folders():
        with contextlib.suppress(FileNotFoundError):  # another session sweeps too
            if folder.stat().st_mtime < before:
                _remove_all(store, folder)
                gone += 1
    if (uploads() / ARRIVING).exists():
        with contextlib.suppress(filelock.Timeout), staging(wait=False):
            pass  # what a killed process left there goes
    return gone


@contextlib.contextmanager
def staging(wait: bool = True) -> Iterator[Path]:
    """An empty folder for files that arrive, one upload at a time on this machine.

    What a killed upload left there is removed. Raises StorageError, and filelock.Timeout where an
    upload is at work and one does not `wait`.
    """
    path = uploads() / ARRIVING
    with locked(uploads(), wait):
        shutil.rmtree(path, ignore_errors=True)
        try:
            path.mkdir(mode=0o700, parents=True)
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def room(folder: Path) -> int:
    """Bytes left for this user: of their own share, of all users' share, and on the disk."""
    return min(
        limits.of_user() - _size(folder),
        limits.EVERYBODY - sum(map(_size, _folders())),
        shutil.disk_usage(uploads()).free - limits.SPARE,
    )


def _folders() -> list[Path]:
    """The folders of all users."""
    return list(uploads().glob("*-*/"))


def _remove_all(store: Store, folder: Path) -> None:
    with locked(_guard(folder)):
        shutil.rmtree(folder, ignore_errors=True)
    lock_of(_guard(folder)).unlink(missing_ok=True)
    store.forget(folder.name)


def _guard(folder: Path) -> Path:
    """What is locked while a user's folder changes; it lies beside it under a hidden name."""
    return folder.with_name(f".{folder.name}")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
