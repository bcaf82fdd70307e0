"""Arrays by key, bounded in size: on disk, written atomically and checked on first open.

An entry is a folder named by its key. It holds `label.json`, the spec as a person reads it, and
arrays as `NAME.CRC.npy`, so that a damaged file is noticed when it is first opened. Nothing is
ever pickled.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import shutil
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import filelock
import numpy as np
from numpy.typing import NDArray

from zsad_core.base.atomic import lock_of, locked, on_disk, write_whole
from zsad_core.base.jobs import current_user
from zsad_core.base.quotas import DailyUse
from zsad_core.errors import Cancelled, StorageError
from zsad_core.types import ADDED, read_only

FORMAT = 2
LABEL = "label.json"
REMEMBERED = 50_000  # files known to be whole


def key_of(digest: str, **spec: object) -> str:
    """SHA-256 of the format number, the digest of the input bytes, and the spec.

    >>> key_of("ab", size=3) == key_of("ab", size=3), key_of("ab", size=3) == key_of("ab", size=4)
    (True, False)
    """
    text = json.dumps([FORMAT, digest, as_json(spec)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def as_json(value: object) -> object:
    """A spec as JSON values; dataclasses become dicts under their class name.

    Fields that are marked `ADDED` are left out where they have their default.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
        content = {
            field.name: as_json(item)
            for field, item in items
            if not (field.metadata == ADDED and item == field.default)
        }
        return {type(value).__name__: content}
    if isinstance(value, dict):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


class Arrays(Protocol):
    """A store of arrays by key and name.

    `exact` is whether features are stored as computed, not rounded to float16.
    """

    exact: bool

    def names(self, key: str) -> set[str]:
        """Names of the arrays that an entry holds."""

    def read(self, key: str, name: str) -> NDArray[Any] | None:
        """The array, read-only, or None where it is missing."""

    def write(self, key: str, name: str, array: NDArray[Any], label: object) -> NDArray[Any]:
        """Keep the array under its key and return it read-only; `label` is the spec to show."""

    def write_all(self, key: str, arrays: Mapping[str, NDArray[Any]], label: object) -> None:
        """`write` for many arrays of a key."""

    def trim_when_due(self) -> int:
        """Remove what is over the limit; returns how many entries went."""


class MemoryStore:
    """Arrays in memory for as long as it lives; the oldest entries go beyond `limit_bytes`."""

    exact = True

    def __init__(self, limit_bytes: int = 4 * 2**30) -> None:
        self.limit_bytes = limit_bytes
        self._arrays: dict[tuple[str, str], NDArray[Any]] = {}
        self._lock = threading.Lock()  # slices are mapped while others are encoded

    def names(self, key: str) -> set[str]:
        """Names of the arrays that an entry holds."""
        with self._lock:
            return {name for of, name in self._arrays if of == key}

    def read(self, key: str, name: str) -> NDArray[Any] | None:
        """The array, read-only, or None where it is missing."""
        return self._arrays.get((key, name))

    def write(self, key: str, name: str, array: NDArray[Any], label: object) -> NDArray[Any]:
        """Keep the array and return it read-only."""
        with self._lock:
            return self._arrays.setdefault((key, name), read_only(array))

    def write_all(self, key: str, arrays: Mapping[str, NDArray[Any]], label: object) -> None:
        """`write` for many arrays of a key."""
        for name, array in arrays.items():
            self.write(key, name, array, label)
        self.trim_when_due()

    def trim_when_due(self) -> int:
        """Remove the oldest arrays until the limit holds; returns how many went."""
        with self._lock:
            removed, size = 0, sum(array.nbytes for array in self._arrays.values())
            for key in list(self._arrays)[:-1]:
                if size <= self.limit_bytes:
                    break
                size -= self._arrays.pop(key).nbytes
                removed += 1
        return removed


class Store:
    """A folder of entries with at most `limit_bytes` in all; the least recently used goes first."""

    exact = False

    def __init__(self, root: Path, limit_bytes: int = 20 * 2**30) -> None:
        self.root = root
        self.limit_bytes = limit_bytes
        self._whole: dict[tuple[str, str], Path] = {}  # files that were checked
        self._last: tuple[str, dict[str, str]] = ("", {})  # the entry last looked through
        self._forgotten: list[tuple[str, ...]] = []  # texts of forgotten labels
        self.use = DailyUse()
        self._unseen = limit_bytes  # bytes written since the last trim; the first is always due

    def entry(self, key: str) -> Path:
        """The folder of an entry, existing or not."""
        return self.root / key[:2] / key

    def names(self, key: str) -> set[str]:
        """Names of the arrays that an entry holds."""
        return set(self._files(key))

    def read(self, key: str, name: str) -> NDArray[Any] | None:
        """A read-only memory map of the array, or None where it is missing or damaged."""
        try:
            path = self._whole.get((key, name)) or self._checked(key, name)
            return np.load(path, mmap_mode="r", allow_pickle=False) if path else None
        except (OSError, ValueError):
            self._whole.pop((key, name), None)
            self._last = ("", {})
            return None

    def _checked(self, key: str, name: str) -> Path | None:
        """The file of an array, whose checksum is verified once; a damaged file is removed."""
        path = self._file(key, name)
        if path is None:
            return None
        if f"{zlib.crc32(path.read_bytes()):08x}" != path.name.split(".")[1]:
            path.unlink(missing_ok=True)
            self._last = ("", {})
            return None
        self._remember(key, name, path)
        with contextlib.suppress(OSError):  # a disk that cannot be written is read all the same
            os.utime(path.parent)
        return path

    def _remember(self, key: str, name: str, path: Path) -> None:
        if len(self._whole) >= REMEMBERED:
            self._whole.clear()
        self._whole[key, name] = path

    def _file(self, key: str, name: str) -> Path | None:
        """The path of an array; an entry is listed once for all arrays that are read of it."""
        entry, files = self._last
        if entry != key or name not in files:
            files = self._files(key)
            self._last = key, files
        return self.entry(key) / files[name] if name in files else None

    def _files(self, key: str) -> dict[str, str]:
        """File names of an entry by the names of its arrays."""
        try:
            names = os.listdir(self.entry(key))
        except FileNotFoundError:
            return {}
        return {file.split(".")[0]: file for file in names if file.endswith(".npy")}

    def write(self, key: str, name: str, array: NDArray[Any], label: object) -> NDArray[Any]:
        """Keep the array under its key and return it read-only; `label` is the spec to show.

        The file appears whole or not at all; an existing array is left alone. Raises StorageError,
        SettingError where a user added what one may a day, and Cancelled if `forget` was called for
        such a label.
        """
        self.write_all(key, {name: array}, label)
        return read_only(array)

    def write_all(self, key: str, arrays: Mapping[str, NDArray[Any]], label: object) -> None:
        """`write` for many arrays of a key, faster than one by one."""
        entry, text = self.entry(key), json.dumps(as_json(label), indent=1, ensure_ascii=False)
        with locked(entry), on_disk(entry):
            if any(all(word in text for word in words) for words in self._forgotten):
                raise Cancelled("What this was made from was removed.")
            label_file = entry / LABEL
            if not label_file.is_file() or not label_file.stat().st_size:
                write_whole(label_file, text)
            missing = arrays.keys() - self.names(key)
            if missing:
                self.use.check(current_user())
            for name in missing:
                buffer = io.BytesIO()
                np.save(buffer, arrays[name], allow_pickle=False)
                path = entry / f"{name}.{zlib.crc32(buffer.getbuffer()):08x}.npy"
                write_whole(path, buffer.getvalue())
                self._remember(key, name, path)
                self._unseen += arrays[name].nbytes
                self.use.add(current_user(), arrays[name].nbytes)
            os.utime(entry)

    def size_bytes(self, key: str | None = None) -> int:
        """Bytes of one entry, or of the whole store."""
        root = self.entry(key) if key else self.root
        return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())

    def trim_when_due(self) -> int:
        """Trim if a hundredth of the limit was written since the last trim, as that takes time."""
        return self.trim() if self._unseen >= self.limit_bytes / 100 else 0

    def trim(self) -> int:
        """Remove the least recently used entries until the limit holds; returns how many went.

        An entry that another process is writing or removing is left alone.
        """
        self._unseen = 0
        entries = sorted(_state(entry) for entry in self.root.glob("??/*/"))
        total, removed = sum(size for _, size, _ in entries), 0
        for _, size, entry in entries[:-1]:
            if total <= self.limit_bytes:
                break
            with contextlib.suppress(filelock.Timeout, StorageError), locked(entry, wait=False):
                _remove(entry)
                total -= size
                removed += 1
        return removed

    def forget(self, *texts: str) -> int:
        """Remove the entries whose label holds all of the texts; returns how many went.

        Work of this process on such an entry is cancelled at its next write.
        """
        self._forgotten.append(texts)
        entries = [
            path.parent
            for path in self.root.glob(f"??/*/{LABEL}")
            if all(text in _text(path) for text in texts)
        ]
        for entry in entries:
            with locked(entry):
                _remove(entry)
        return len(entries)

    def clear(self) -> None:
        """Remove every entry; only time is lost."""
        self._whole.clear()
        shutil.rmtree(self.root, ignore_errors=True)


def _remove(entry: Path) -> None:
    """Remove a locked entry and its lock file."""
    shutil.rmtree(entry, ignore_errors=True)
    lock_of(entry).unlink(missing_ok=True)


def _text(label: Path) -> str:
    """The text of a label; "" if its entry was removed meanwhile."""
    try:
        return label.read_text("utf-8")
    except OSError:
        return ""


def _state(entry: Path) -> tuple[int, int, Path]:
    """(time of last use in ns, bytes, entry); zeros if it was removed meanwhile."""
    try:
        used = entry.stat().st_mtime_ns
        return used, sum(path.stat().st_size for path in entry.iterdir()), entry
    except OSError:
        return 0, 0, entry
