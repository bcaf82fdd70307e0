"""What a user chose once and wants to find again, kept as JSON in `ZSAD_HOME`: data, setups."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import pydantic

from zsad_core.base.atomic import locked, write_whole
from zsad_core.base.paths import home, typed
from zsad_core.errors import DataError
from zsad_core.types import DataSpec

Part = Literal["data", "setups"]
T = TypeVar("T")


def data_roots() -> dict[str, DataSpec]:
    """Data sets to choose from, by the name shown: the demo, `ZSAD_DATA`, and remembered roots."""
    found = {"demo": DataSpec("demo")}
    chosen = _chosen()
    if chosen is not None:
        found[_name(chosen)] = chosen
    return found | {_name(spec): spec for spec in rows("data", DataSpec)}


def default_root() -> str:
    """The data set to begin with, by the name shown: `ZSAD_DATA` where it is set."""
    chosen = _chosen()
    return _name(chosen) if chosen is not None else "demo"


def remember(spec: DataSpec) -> str:
    """Keep a data root; returns the name under which it is shown. Raises DataError."""
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


def rows(part: Part, kind: type[T]) -> list[T]:
    """What is kept of a part, without the rows that `unreadable` tells of; raises DataError."""
    return [one for one in _parsed(part, kind) if not isinstance(one, str)]


def unreadable(part: Part, kind: type[T]) -> list[str]:
    """What is wrong with each row of a part that is no such value; raises DataError."""
    return [one for one in _parsed(part, kind) if isinstance(one, str)]


def change(part: Part, row: dict[str, Any] | None, stays: Callable[[dict[str, Any]], bool]) -> None:
    """Keep the rows of a part that stay, rows that cannot be read too, and one more behind them.

    Nobody who changes something at the same time loses it. Raises DataError, StorageError.
    """
    with locked(path()):
        found = _read()
        kept = [one for one in found.get(part, []) if not isinstance(one, dict) or stays(one)]
        found[part] = [*kept, row] if row else kept
        write_whole(path(), json.dumps(found, indent=1))


def prompt_folder() -> Path:
    """Where a user's own prompt sets lie."""
    return home() / "prompts"


def path() -> Path:
    """Where all this is kept."""
    return home() / "settings.json"


def _chosen() -> DataSpec | None:
    root = os.environ.get("ZSAD_DATA")
    return DataSpec("brats", str(typed(root))) if root else None


def _name(spec: DataSpec) -> str:
    return f"{spec.kind}:{spec.root}"


def _read() -> dict[str, list[Any]]:
    try:
        found = json.loads(path().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path()} is not valid JSON ({error}); correct it or delete it to start afresh."
        ) from error
    if not isinstance(found, dict) or not all(isinstance(one, list) for one in found.values()):
        raise DataError(
            f"{path()} holds no lists of data and setups; correct it or delete it to start afresh."
        )
    return found


def _parsed(part: Part, kind: object) -> Iterator[Any]:
    for row in _read().get(part, []):
        try:
            yield _reader(kind).model_validate_json(json.dumps({"row": row})).row
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            yield (
                f"{path()} holds a row of {part} that cannot be read ({place}: {first['msg']}); "
                "correct it or delete it there."
            )


@functools.cache
def _reader(kind: object) -> type[Any]:
    strict = pydantic.ConfigDict(extra="forbid", strict=True)
    return pydantic.create_model("Kept", __config__=strict, row=(cast(Any, kind), ...))
