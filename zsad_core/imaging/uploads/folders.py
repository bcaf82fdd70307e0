"""Where uploads lie: a folder a user under a name that nobody can guess, none of it shared.

`uploads/TOKEN-GENERATION/scans/SUBJECT/` holds scans; beside `scans`, what was made of them. A
subject's name is never used twice in a folder and a folder that went comes back under another
name, so whatever is remembered under a data set and a subject stays true.
"""

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from pathlib import Path

from zsad_core.base.paths import uploads
from zsad_core.base.store import Store
from zsad_core.imaging.datasets.uploaded import SCANS
from zsad_core.imaging.uploads import limits
from zsad_core.types import DataSpec


def new_token(secret: str = "") -> str:
    """A name for a user's folder: of a secret that the user alone has, else of chance.

    >>> new_token("a") == new_token("a"), new_token() == new_token()
    (True, False)
    """
    return hashlib.sha256((secret or secrets.token_hex()).encode()).hexdigest()[:32]


def folder(token: str) -> Path | None:
    """The user's folder, if there is one."""
    return next(uploads().glob(f"{token}-*"), None)


def own_folder(token: str) -> Path:
    """The user's folder, made if there is none; nobody else on the machine may read it."""
    found = folder(token) or uploads() / f"{token}-{secrets.token_hex(4)}"
    uploads().mkdir(mode=0o700, parents=True, exist_ok=True)
    found.mkdir(mode=0o700, exist_ok=True)
    return found


def data_of(token: str) -> DataSpec | None:
    """The user's uploads as a data set, None without any; this counts as a look at them."""
    found = folder(token)
    if found is None or not subjects(found):
        return None
    with contextlib.suppress(FileNotFoundError):  # swept at this moment
        os.utime(found)
    return DataSpec("upload", str(found))


def subjects(place: Path) -> list[str]:
    """Names of the subjects in a user's folder."""
    return sorted(path.name for path in place.glob(f"{SCANS}/*/") if any(path.iterdir()))


def free_name(place: Path, wanted: str) -> str:
    """The name, or with a number behind it if a subject has it or had it."""
    name, number = wanted, 1
    while (place / SCANS / name).exists():
        number += 1
        name = f"{wanted}-{number}"
    return name


def remove(store: Store, place: Path, subject: str) -> None:
    """Remove a subject's files and what the store holds of it; with the last one, all results."""
    if subject not in subjects(place):
        return
    for path in (place / SCANS / subject).iterdir():
        path.unlink()
    store.forget(place.name, f'"subject": "{subject}"')
    if not subjects(place):
        _remove_all(store, place)


def sweep(store: Store, hours: float = limits.HOURS) -> int:
    """Remove the folders that nobody looked at for so long; returns how many went."""
    gone, before = 0, time.time() - hours * 3600
    for place in uploads().glob("*-*/"):
        with contextlib.suppress(FileNotFoundError):  # another session sweeps too
            if place.stat().st_mtime < before:
                _remove_all(store, place)
                gone += 1
    return gone


def room(place: Path) -> int:
    """Bytes that may still be kept there: of the user's share, of everybody's, of the disk's."""
    return min(
        limits.SESSION - _size(place),
        limits.EVERYBODY - _size(uploads()),
        shutil.disk_usage(uploads()).free - limits.SPARE,
    )


def _remove_all(store: Store, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    store.forget(place.name)


def _size(place: Path) -> int:
    return sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
