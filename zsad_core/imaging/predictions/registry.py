"""The sets of predictions that a user keeps, as JSON in `ZSAD_HOME`, for each data root."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import pydantic

from zsad_core.base.atomic import locked, write_whole
from zsad_core.base.paths import home, root_of, typed
from zsad_core.base.wording import problem_of
from zsad_core.errors import DataError, SettingError
from zsad_core.imaging.predictions.sets import Predictions, check
from zsad_core.types import DataSpec

Sets = dict[str, tuple[Predictions, ...]]


@dataclass(frozen=True)
class PredictionsFile:
    __pydantic_config__: ClassVar = pydantic.ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )

    format: Literal["ZSAD Explorer predictions 1"]
    sets: Sets


FILE = pydantic.TypeAdapter(PredictionsFile)


def all_sets() -> Sets:
    """Every set by the root of its data; raises DataError if they cannot be read."""
    try:
        content = path().read_bytes()
    except FileNotFoundError:
        return {}
    try:
        return FILE.validate_json(content).sets
    except pydantic.ValidationError as error:
        raise DataError(
            f"'{path()}' cannot be read ({problem_of(error)}); correct it or delete it to start "
            "afresh."
        ) from error


def sets_of(data: DataSpec) -> tuple[Predictions, ...]:
    """The sets for a data root, in the order in which they were added; raises DataError."""
    return all_sets().get(root_of(data), ())


def find(data: DataSpec, name: str) -> Predictions:
    """The set of that name; raises SettingError."""
    sets = {item.name: item for item in sets_of(data)}
    if name not in sets:
        raise SettingError(
            f"There are no predictions '{name}' for {data.place}; "
            f"{'choose one of ' + ', '.join(sets) if sets else 'add them first'}."
        )
    return sets[name]


def add(data: DataSpec, predictions: Predictions, methods: Collection[str]) -> Predictions:
    """Add a set to the list and return it with its full path. Raises SettingError, DataError.

    Labels are kept in one form, so that equal sets have equal keys: in order, label 1 alone as ().
    `methods` are the names of shipped methods, which no set may have.
    """
    folder = typed(predictions.folder)
    labels = () if predictions.foreground == (1,) else tuple(sorted({*predictions.labels}))
    predictions = replace(predictions, folder=str(folder), labels=labels)
    with _changed(data) as sets:
        check_new(data, predictions, methods)
        sets.append(predictions)
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
    if name in {item.name.casefold() for item in sets_of(data)}:
        raise SettingError(
            f"{data.place} has predictions '{predictions.name}' already; give another name or "
            "remove those first."
        )
    if not typed(predictions.folder).is_dir():
        raise DataError(f"There is no folder '{predictions.folder}'; choose another.")


def remove(data: DataSpec, name: str) -> None:
    """Remove a set, but none of its files. Raises SettingError if there is no such set."""
    with _changed(data) as sets:
        sets.remove(find(data, name))


def path() -> Path:
    """The file of all sets."""
    return home() / "predictions.json"


@contextmanager
def _changed(data: DataSpec) -> Iterator[list[Predictions]]:
    """The sets for the data, written after the block; locked, so that no session's are lost."""
    with locked(path()):
        own = list(sets_of(data))
        yield own
        sets = {**all_sets(), root_of(data): tuple(own)}
        sets = {root: of_root for root, of_root in sets.items() if of_root}
        content = PredictionsFile("ZSAD Explorer predictions 1", sets)
        write_whole(path(), FILE.dump_json(content, indent=1))
