"""The data roots and setups of users, as JSON in their home, by default that of all users."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import pydantic

from zsad_core.base import access
from zsad_core.base.atomic import locked, write_whole
from zsad_core.base.paths import home, typed
from zsad_core.base.wording import counted, problem_of
from zsad_core.errors import DataError
from zsad_core.types import DataSpec

SettingsSection = Literal["data", "setups"]
T = TypeVar("T")


def data_roots() -> dict[str, DataSpec]:
    """Data sets to choose from, by the name shown: the demo, `ZSAD_DATA`, and remembered roots."""
    chosen = _chosen()
    first = {_name(chosen): chosen} if chosen else {}
    others = {_name(spec): spec for spec in rows("data", DataSpec) if _permitted(spec)}
    return {"demo": DataSpec("demo")} | first | others


def shown_name(name: str) -> str:
    """A data root's name as lists show it: what is made here has no folder behind a colon.

    >>> shown_name("demo-2mm:"), shown_name("brats:/data/met")
    ('demo-2mm', 'brats:/data/met')
    """
    kind, _, root = name.partition(":")
    return name if root else kind


def default_root() -> str:
    """The data set to begin with, by the name shown: `ZSAD_DATA` where it is set."""
    chosen = _chosen()
    return _name(chosen) if chosen else "demo"


def remember(spec: DataSpec) -> str:
    """Add a data root; returns the name under which it is shown. Raises DataError."""
    spec = resolved(spec)
    change("data", asdict(spec), lambda row: row.get("root") != spec.root)
    return _name(spec)


def resolved(spec: DataSpec) -> DataSpec:
    """The data of a folder by its whole path; raises DataError, SettingError."""
    if not spec.root:
        raise DataError("No folder was named; give the folder that holds the scans.")
    root = typed(spec.root)
    if root.is_file():
        raise DataError(f"'{spec.root}' is a file; give the folder that holds the scans.")
    if not root.is_dir():
        raise DataError(f"There is no folder '{spec.root}'; give the folder that holds the scans.")
    return replace(spec, root=str(root))


def forget(name: str) -> None:
    """Take a data root off the list; the folder itself is left alone."""
    change("data", None, lambda row: f"{row.get('kind')}:{row.get('root', '')}" != name)


def rows(section: SettingsSection, kind: type[T], own: Path | None = None) -> list[T]:
    """The rows of a section without the `unreadable` ones; raises DataError."""
    return [row for row in _parsed(section, kind, own) if not isinstance(row, str)]


def unreadable(section: SettingsSection, kind: type[T], own: Path | None = None) -> list[str]:
    """A sentence for each invalid row of a section; raises DataError."""
    return [row for row in _parsed(section, kind, own) if isinstance(row, str)]


def not_permitted() -> str:
    """How many of the added data sets may not be opened here, in a sentence; "" for none."""
    count = sum(not _permitted(spec) for spec in rows("data", DataSpec))
    return (
        f"{counted(count, 'added folder')} left out: only those below the folders in "
        f"{access.VARIABLE} may be opened here."
        if count
        else ""
    )


def change(
    section: SettingsSection,
    row: dict[str, Any] | None,
    stays: Callable[[dict[str, Any]], bool],
    own: Path | None = None,
) -> None:
    """Retain the rows of a section that stay, and invalid ones, and append a row.

    Simultaneous changes of others are not lost. Raises DataError, StorageError.
    """
    with locked(path(own)):
        content = _read(own)
        items = content.get(section, [])
        remaining = [item for item in items if not isinstance(item, dict) or stays(item)]
        content[section] = [*remaining, row] if row else remaining
        write_whole(path(own), json.dumps(content, indent=1))


def prompt_folder(own: Path | None = None) -> Path:
    """The folder of the prompt sets in a user's own home, by default in that of all users."""
    return (own or home()) / "prompts"


def prompt_folders(own: Path | None = None) -> tuple[Path, ...]:
    """The folders of prompt sets that a user sees: that of all users, then their own."""
    return tuple(dict.fromkeys((prompt_folder(), prompt_folder(own))))


def path(own: Path | None = None) -> Path:
    """The file of the settings."""
    return (own or home()) / "settings.json"


def _chosen() -> DataSpec | None:
    root = os.environ.get("ZSAD_DATA")
    return DataSpec("brats", str(typed(root))) if root else None


def _permitted(spec: DataSpec) -> bool:
    return not spec.root or access.permits(Path(spec.root))


def _name(spec: DataSpec) -> str:
    return f"{spec.kind}:{spec.root}"


def _read(own: Path | None) -> dict[str, list[Any]]:
    try:
        content = json.loads(path(own).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path(own)} is not valid JSON ({error}); correct it or delete it to start afresh."
        ) from error
    if not isinstance(content, dict) or {type(items) for items in content.values()} - {list}:
        raise DataError(
            f"{path(own)} holds no lists of data and setups; correct it or delete it to start "
            "afresh."
        )
    return content


def _parsed(section: SettingsSection, kind: object, own: Path | None) -> Iterator[Any]:
    for row in _read(own).get(section, []):
        try:
            yield _reader(kind).model_validate_json(json.dumps({"row": row})).row
        except pydantic.ValidationError as error:
            yield (
                f"{path(own)} holds a row of {section} that cannot be read ({problem_of(error)}); "
                "correct it or delete it there."
            )


@functools.cache
def _reader(kind: object) -> type[Any]:
    strict = pydantic.ConfigDict(extra="forbid", strict=True)
    return pydantic.create_model("Row", __config__=strict, row=(cast(Any, kind), ...))
