"""The sets of predictions that a user keeps, as JSON in `ZSAD_HOME`, for each data root."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import pydantic

from zsad_core.base.atomic import locked, write_whole
from zsad_core.base.paths import home
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging.predictions.sets import Predictions, check
from zsad_core.types import DataSpec

Sets = dict[str, tuple[Predictions, ...]]


@dataclass(frozen=True)
class _File:
    __pydantic_config__: ClassVar = pydantic.ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )

    format: Literal["ZSAD Explorer predictions 1"]
    sets: Sets


_FILE = pydantic.TypeAdapter(_File)


def all_sets() -> Sets:
    """Every set by the root of its data; raises DataError if they cannot be read."""
    try:
        content = path().read_bytes()
    except FileNotFoundError:
        return {}
    try:
        return _FILE.validate_json(content).sets
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"'{path()}' cannot be read ({where + ': ' if where else ''}{first['msg']}); correct "
            "it or delete it to start afresh."
        ) from error


def sets_of(data: DataSpec) -> tuple[Predictions, ...]:
    """The sets for a data root, in the order in which they were added; raises DataError."""
    return all_sets().get(_root(data), ())


def find(data: DataSpec, name: str) -> Predictions:
    """The set of that name; raises SettingError."""
    known = sets_of(data)
    for one in known:
        if one.name == name:
            return one
    raise SettingError(
        f"There are no predictions '{name}' for {data.place}; "
        f"{'choose one of ' + ', '.join(one.name for one in known) if known else 'add them first'}."
    )


def add(data: DataSpec, predictions: Predictions, methods: Collection[str]) -> Predictions:
    """Keep a set behind the others; returns it with its whole path. Raises SettingError, DataError.

    `methods` are the names of shipped methods, which no set may have.
    """
    folder = Path(predictions.folder).expanduser().resolve()
    predictions = replace(predictions, folder=str(folder))

    def added(known: tuple[Predictions, ...]) -> tuple[Predictions, ...]:
        check_new(data, predictions, methods)
        return (*known, predictions)

    _change(data, added)
    return predictions


def check_new(data: DataSpec, predictions: Predictions, methods: Collection[str]) -> None:
    """Raise SettingError or DataError if the set cannot be added to those for the data."""
    check(predictions)
    if data.private:
        raise SettingError(
            "Predictions are kept for everybody, uploaded scans are one user's own; add the scans "
            "as a folder first."
        )
    name = predictions.name.casefold()
    if name in {method.casefold() for method in methods}:
        raise SettingError(f"'{predictions.name}' is a shipped method; give another name.")
    if name in {known.name.casefold() for known in sets_of(data)}:
        raise SettingError(
            f"{data.place} has predictions '{predictions.name}' already; give another name or "
            "remove those first."
        )
    if not Path(predictions.folder).expanduser().is_dir():
        raise DataError(f"There is no folder '{predictions.folder}'; choose another.")


def remove(data: DataSpec, name: str) -> None:
    """Take a set off the list; its files are left alone. Raises SettingError if there is none."""

    def rest(known: tuple[Predictions, ...]) -> tuple[Predictions, ...]:
        gone = find(data, name)
        return tuple(one for one in known if one != gone)

    _change(data, rest)


def path() -> Path:
    """Where all this is kept."""
    return home() / "predictions.json"


def _root(data: DataSpec) -> str:
    """What the sets are kept under: the whole path of a folder, links followed, else the kind."""
    return str(Path(data.root).expanduser().resolve()) if data.root else data.kind


def _change(
    data: DataSpec, change: Callable[[tuple[Predictions, ...]], tuple[Predictions, ...]]
) -> None:
    """Read, change and write under a lock, so that two sessions lose nothing of each other."""
    with locked(path()):
        found = all_sets()
        changed = {**found, _root(data): change(found.get(_root(data), ()))}
        content = _File("ZSAD Explorer predictions 1", {k: v for k, v in changed.items() if v})
        write_whole(path(), _FILE.dump_json(content, indent=1))
