"""Rows of arrays in a folder: one file a part, which grows, and an index of what is whole.

A row, such as the features of a slice, has an array of each part. Arrays are appended to the file
of their part; then the index is replaced, which tells the place, type, shape and CRC-32 of each.
What a killed process appended beyond the index is overwritten by the next one.
"""

import json
import math
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsad_core.base.atomic import write_whole

INDEX = "index.json"
ENDING = ".rows"
REMEMBERED = 64  # indices of folders
ArrayRow = dict[str, NDArray[Any]]


class Extent(NamedTuple):
    """Where an array lies in the file of its part."""

    offset: int
    dtype: str
    shape: tuple[int, ...]
    crc: int

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.offset + np.dtype(self.dtype).itemsize * math.prod(self.shape)


Index = dict[str, dict[str, Extent]]
"""Extents by part and name of the row."""


class PartFiles:
    """Reads rows as memory maps; each array's checksum is verified once."""

    def __init__(self) -> None:
        self._indices: dict[Path, tuple[tuple[int, ...], Index]] = {}
        self._checked: set[tuple[Path, str, Extent]] = set()

    def names(self, folder: Path, parts: Iterable[str]) -> set[str]:
        """Names of the rows that have all of the parts."""
        index = self._index(folder)
        return set.intersection(*(set(index.get(part, ())) for part in parts))

    def read(self, folder: Path, name: str, parts: Iterable[str]) -> ArrayRow | None:
        """The parts of a row, read-only; None where one is missing.

        Raises ValueError for one that is damaged, OSError where the folder went meanwhile.
        """
        index, row = self._index(folder), ArrayRow()
        for part in parts:
            extent = index.get(part, {}).get(name)
            if extent is None:
                return None
            row[part] = self._array(folder, part, extent)
        return row

    def _array(self, folder: Path, part: str, extent: Extent) -> NDArray[Any]:
        if extent.end == extent.offset:
            return np.empty(extent.shape, extent.dtype)
        path = folder / f"{part}{ENDING}"
        if (folder, part, extent) not in self._checked:
            with path.open("rb") as file:
                file.seek(extent.offset)
                if zlib.crc32(file.read(extent.end - extent.offset)) != extent.crc:
                    raise ValueError(f"'{path}' is damaged")
            self._checked.add((folder, part, extent))
        return np.memmap(path, extent.dtype, "r", extent.offset, extent.shape)

    def _index(self, folder: Path) -> Index:
        """The index of a folder, read again where it was replaced."""
        try:
            stat = os.stat(folder / INDEX)
        except OSError:
            return {}
        state = stat.st_ino, stat.st_mtime_ns, stat.st_size
        known, index = self._indices.get(folder, ((), {}))
        if known != state:
            if len(self._indices) >= REMEMBERED:
                self._indices.clear()
                self._checked.clear()
            index = _read_index(folder)
            self._indices[folder] = state, index
        return index


def append(folder: Path, rows: Mapping[str, Mapping[str, NDArray[Any]]]) -> int:
    """Add arrays by row and part, those that are there left alone; returns how many bytes.

    The caller holds the folder's lock.
    """
    index, written = _read_index(folder), 0
    for part in {part for row in rows.values() for part in row}:
        extents = index.setdefault(part, {})
        end = max((extent.end for extent in extents.values()), default=0)
        path = folder / f"{part}{ENDING}"
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(end)
            for name in rows.keys() - extents.keys():
                array = np.ascontiguousarray(rows[name][part])
                content = array.reshape(-1).view(np.uint8).data
                file.write(content)
                crc = zlib.crc32(content)
                extents[name] = extent = Extent(end, array.dtype.str, array.shape, crc)
                written, end = written + len(content), extent.end
    if written:
        write_whole(folder / INDEX, json.dumps(index))
    return written


def remove(folder: Path, name: str) -> None:
    """Take a row off the index; the caller holds the folder's lock."""
    index = _read_index(folder)
    remainder = {
        part: {row: extent for row, extent in extents.items() if row != name}
        for part, extents in index.items()
    }
    write_whole(folder / INDEX, json.dumps(remainder))


def _read_index(folder: Path) -> Index:
    """The index, empty where it is missing or damaged."""
    try:
        content = json.loads((folder / INDEX).read_text("utf-8"))
        return {
            part: {
                name: Extent(int(offset), str(dtype), tuple(shape), int(crc))
                for name, (offset, dtype, shape, crc) in extents.items()
            }
            for part, extents in content.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
