"""Arrays by key, bounded in size: on disk, written atomically and checked on first open.

An entry is a folder named by its key. It holds `label.json`, the spec as a person reads it, arrays
as `NAME.CRC.npy`, so that a damaged file is noticed when it is first opened, and rows of arrays in
`part_files`. Nothing is ever pickled.
"""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
import numpy as np
from numpy.typing import NDArray

from zsad_core.base import part_files
from zsad_core.base.atomic import lock_of, locked, on_disk, write_whole
from zsad_core.base.jobs import current_user
from zsad_core.base.part_files import ArrayRow, PartFiles
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
    """A spec as JSON, dataclasses under their class name, without `ADDED` fields at default."""
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


class Store:
    """A folder of entries with at most `limit_bytes` in all; the least recently used goes first."""

    exact = False

    def __init__(self, root: Path, limit_bytes: int = 20 * 2**30) -> None:
        self.root = root
        self.limit_bytes = limit_bytes
        self._whole: dict[tuple[str, str], Path] = {}  # files that were checked
        self._last: tuple[str, dict[str, str]] = ("", {})  # the entry last looked through
        self._rows = PartFiles()
        self._forgotten: list[tuple[str, ...]] = []  # texts of forgotten labels
        self.use = DailyUse()
        self._unseen = limit_bytes  # bytes written since the last trim; the first is always due

    def entry(self, key: str) -> Path:
        """The folder of an entry, existing or not."""
        return self.root / key[:2] / key

    def holds(self, key: str) -> bool:
        """Whether there is such an entry."""
        return self.entry(key).is_dir()

    def names(self, key: str) -> set[str]:
        """Names of the arrays that an entry holds, those of rows left out."""
        return set(self._files(key))

    def read(self, key: str, name: str) -> NDArray[Any] | None:
        try:  # memory-mapped
            path = self._whole.get((key, name)) or self._checked(key, name)
            return np.load(path, mmap_mode="r", allow_pickle=False) if path else None
        except (OSError, ValueError):
            self._whole.pop((key, name), None)
            self._last = ("", {})
            return None

    def _checked(self, key: str, name: str) -> Path | None:
        """The file of an array, whose checksum is verified once; a damaged file is removed."""
        entry, files = self._last  # an entry is listed once for all arrays that are read of it
        if entry != key or name not in files:
            files = self._files(key)
            self._last = key, files
        if name not in files:
            return None
        path = self.entry(key) / files[name]
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

    def _files(self, key: str) -> dict[str, str]:
        """File names of an entry by the names of its arrays."""
        try:
            names = os.listdir(self.entry(key))
        except FileNotFoundError:
            return {}
        return {file.split(".")[0]: file for file in names if file.endswith(".npy")}

    def write(self, key: str, name: str, array: NDArray[Any], label: object) -> NDArray[Any]:
        """As a file that appears whole or not at all; an existing array is left alone.

        Raises StorageError, SettingError where a user added what one may a day, and Cancelled if
        `forget` was called for such a label.
        """
        self.write_all(key, {name: array}, label)
        return read_only(array)

    def write_all(self, key: str, arrays: Mapping[str, NDArray[Any]], label: object) -> None:
        """`write` for many arrays of a key, faster than one by one."""
        with self._writing(key, label) as entry:
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

    def row_names(self, key: str, parts: Iterable[str]) -> set[str]:
        """Names of the rows of an entry that have all of the parts."""
        return self._rows.names(self.entry(key), parts)

    def read_row(self, key: str, name: str, parts: Iterable[str]) -> ArrayRow | None:
        """Read-only memory maps of those parts of a row, or None where one is missing or damaged.

        A damaged row is removed.
        """
        entry = self.entry(key)
        try:
            return self._rows.read(entry, name, parts)
        except OSError:
            return None
        except ValueError:
            with locked(entry):
                part_files.remove(entry, name)
            return None

    def append(self, key: str, rows: Mapping[str, ArrayRow], label: object) -> None:
        """Keep rows, many of a key, each with an array of every part; one that is there stays.

        A row is there whole or not at all. Raises what `write` does.
        """
        with self._writing(key, label) as entry:
            self.use.check(current_user())
            added = part_files.append(entry, rows)
            self.use.add(current_user(), added)
            self._unseen += added

    @contextlib.contextmanager
    def _writing(self, key: str, label: object) -> Iterator[Path]:
        """An entry, locked, that has its label and counts as used."""
        entry, text = self.entry(key), json.dumps(as_json(label), indent=1, ensure_ascii=False)
        with locked(entry), on_disk(entry):
            if any(all(word in text for word in words) for words in self._forgotten):
                raise Cancelled("What this was made from was removed.")
            label_file = entry / LABEL
            if not label_file.is_file() or not label_file.stat().st_size:
                write_whole(label_file, text)
            yield entry
            os.utime(entry)

    def remove(self, key: str, prefix: str = "") -> None:
        """Remove an entry, or its arrays whose names begin so; raises StorageError.

        What was written first goes last, so that a removal that is cut off can go on.
        """
        entry = self.entry(key)
        with locked(entry), on_disk(entry):
            paths = [path for path in entry.glob("*") if path.name.startswith(prefix)]
            for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns, reverse=True):
                path.unlink()
            if not prefix:
                _remove(entry)

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
