"""The splits that a user keeps in `ZSAD_HOME`: a JSON file each, in a folder for each data root."""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pydantic

from zsad_core.base.atomic import locked, on_disk, write_whole
from zsad_core.base.paths import home, root_of
from zsad_core.base.wording import problem_of
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging.splits.tables import Fold, SplitTable
from zsad_core.types import DataSpec


@dataclass(frozen=True)
class SplitFile:
    """What a file holds; `root` is for who reads it."""

    __pydantic_config__: ClassVar = pydantic.ConfigDict(extra="forbid", strict=True)

    format: Literal["ZSAD Explorer split 1"]
    root: str
    name: str
    origin: str
    folds: tuple[Fold, ...]
    copies: tuple[tuple[str, ...], ...] = ()


FILE = pydantic.TypeAdapter(SplitFile)


def tables(data: DataSpec) -> tuple[SplitTable, ...]:
    """The splits of a data root by name; raises DataError for a file that cannot be read."""
    return tuple(
        _read(path, path.stat().st_mtime_ns) for path in sorted(_folder(data).glob("*.json"))
    )


def find(data: DataSpec, name: str) -> SplitTable:
    """The split of that name, or of one of its folds; raises SettingError, DataError."""
    splits = tables(data)
    for split in splits:
        if name == split.name or name in split.uses:
            return split
    names = ", ".join(use for split in splits for use in split.uses)
    raise SettingError(
        f"{data.place} has no split '{name}'; "
        f"{f'choose one of {names}' if names else 'make one first'}."
    )


def fold(data: DataSpec) -> Fold:
    """The fold that the data use; raises SettingError, DataError."""
    return find(data, data.split).fold(data.split)


def table(data: DataSpec) -> SplitTable:
    """The split in use, one without folds where there is none; raises SettingError, DataError."""
    return find(data, data.split) if data.split else SplitTable("", ())


def digest(data: DataSpec) -> str:
    """The digest of the fold in use, "" without a split; raises SettingError, DataError."""
    return fold(data).digest if data.split else ""


def save(data: DataSpec, split: SplitTable, replaced: bool = False) -> None:
    """Keep a checked split; raises SettingError for a name in use that is not to be `replaced`."""
    if data.private:
        raise SettingError(
            "Splits are kept for everybody, uploaded scans are one user's own; add the scans as a "
            "folder first."
        )
    path = _path(data, split.name)
    with locked(path):
        if path.exists() and not replaced:
            raise SettingError(
                f"{data.place} has a split '{split.name}' already; give another name or remove "
                "that one first."
            )
        parts = (split.name, split.origin, split.folds, split.copies)
        content = SplitFile("ZSAD Explorer split 1", root_of(data), *parts)
        write_whole(path, FILE.dump_json(content, indent=1))


def remove(data: DataSpec, name: str) -> None:
    """Remove a split; raises SettingError if there is no such one."""
    path = _path(data, find(data, name).name)
    with locked(path), on_disk(path):
        path.unlink(missing_ok=True)


@functools.lru_cache(64)
def _read(path: Path, _: int) -> SplitTable:
    """The table of a file as it is at a time of change."""
    try:
        content = FILE.validate_json(path.read_bytes())
    except (OSError, pydantic.ValidationError) as error:
        reason = problem_of(error) if isinstance(error, pydantic.ValidationError) else str(error)
        raise DataError(
            f"'{path}' cannot be read ({reason}); correct it or delete it to make it anew."
        ) from error
    return SplitTable(content.name, content.folds, content.origin, content.copies)


def _path(data: DataSpec, name: str) -> Path:
    return _folder(data) / f"{name}.json"


def _folder(data: DataSpec) -> Path:
    return home() / "splits" / hashlib.sha256(root_of(data).encode()).hexdigest()[:12]
