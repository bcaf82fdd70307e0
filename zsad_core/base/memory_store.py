"""A store of arrays in memory, for features that are to stay as they were computed."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from zsad_core.base.part_files import ArrayRow
from zsad_core.types import read_only


class MemoryStore:
    """Arrays in memory for as long as it lives; the oldest entries go beyond `limit_bytes`."""

    exact = True

    def __init__(self, limit_bytes: int = 4 * 2**30) -> None:
        self.limit_bytes = limit_bytes
        self._arrays: dict[tuple[str, str], NDArray[Any]] = {}
        self._lock = threading.Lock()  # slices are mapped while others are encoded

    def holds(self, key: str) -> bool:
        """Whether there is such an entry."""
        return bool(self.names(key))

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

    def row_names(self, key: str, parts: Iterable[str]) -> set[str]:
        """Names of the rows of an entry that have all of the parts."""
        stored = self.names(key)
        rows = {name.partition(":")[0] for name in stored}
        return {row for row in rows if all(f"{row}:{part}" in stored for part in parts)}

    def read_row(self, key: str, name: str, parts: Iterable[str]) -> ArrayRow | None:
        """Those parts of a row, read-only, or None where one is missing."""
        row = {part: self.read(key, f"{name}:{part}") for part in parts}
        arrays = {part: array for part, array in row.items() if array is not None}
        return arrays if len(arrays) == len(row) else None

    def append(self, key: str, rows: Mapping[str, ArrayRow], label: object) -> None:
        """Keep rows, many of a key, each with an array of every part; one that is there stays."""
        arrays = {f"{name}:{part}": row[part] for name, row in rows.items() for part in row}
        self.write_all(key, arrays, label)

    def remove(self, key: str, prefix: str = "") -> None:
        """Remove an entry, or its arrays whose names begin so."""
        with self._lock:
            for of, name in list(self._arrays):
                if of == key and name.startswith(prefix):
                    del self._arrays[of, name]

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
