"""From a row of an evaluation back to the map it was read from."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from zsad_core import methods, setups
from zsad_core.base import settings
from zsad_core.errors import DataError, SettingError, WeightsError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets.cases import label_spellings
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.sources import resolve
from zsad_core.inference.views import View
from zsad_core.metrics.thresholds import from_level
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results.schema import RANKED_BEFORE
from zsad_core.types import DataSpec, PromptSet, ReadoutSpec, SliceSpec, Threshold

Row = Mapping[str, Any]


def scan_of(engine: Engine, row: Row, data_sets: Iterable[DataSpec]) -> SliceSpec:
    """The scan of a row, with the bytes that were evaluated, in the first data set that holds it.

    A data set is read under its own labels, then under those of the row. Raises DataError where
    none holds the scan.
    """
    labels = label_spellings(row["labels"]) if row["labels"] else []
    of_kind = [data for data in data_sets if data.kind == row["data"]]
    meant = (replace(data, labels=text) for data in of_kind for text in (data.labels, *labels))
    for slices in (scan_named(row, data) for data in meant):
        with contextlib.suppress(DataError):  # its folder is gone, or cannot be read so
            if _holds(slices) and engine.digest(slices) == row["scan_digest"]:
                return slices
    raise DataError(
        f"The scan of {row['subject']} that was evaluated is not in the data at hand; choose the "
        "data it lies in, on a page in the sidebar, for a command with --data."
    )


def scan_named(row: Row, data: DataSpec) -> SliceSpec:
    """The scan of a row's subject, whatever its bytes are."""
    return SliceSpec(data, row["subject"], row["modality"], row["plane"])


def view_of(
    engine: Engine, row: Row, slices: SliceSpec, index: int, home: Path | None = None
) -> View:
    """A slice of a row's map, read as the row was.

    Its prompts and setup may be of the user's own `home`. Raises SettingError where prompts,
    weights or learned parts are not here as they were, and WeightsError where they are not here at
    all.
    """
    entry = setups.find(row["method"], row["setup"], home)
    if lack := setups.missing(entry):
        raise WeightsError(lack)
    chosen, volumes = (
        (row["method"], row["setup"], _prompts(row, slices.data.region, home)),
        tuple(row["volumes"]),
    )
    precision = row["precision_of_features"]
    spec = pipeline.map_spec(
        engine, slices, *chosen, volumes=volumes, precision=precision, home=home
    )
    source = resolve(engine, spec)
    if source.map_key != row["map"]:
        raise SettingError(
            f"Weights, learned part or options of {row['method']} · {row['setup']} are not those "
            "that were evaluated; evaluate again."
        )
    value = _value(row, source.method.high)
    threshold = Threshold(value, row["threshold_rule"], row["threshold_note"])
    read = ReadoutSpec(value, row["brain_only"], min_component_voxels=row["min_component_voxels"])
    return View(spec, index, threshold, read)


def _value(row: Row, high: float) -> float:
    """The threshold of a row; a level of version 2 was reached by what rounds to it."""
    if row["ranked_on"] == RANKED_BEFORE:
        return from_level(int(row["level"]), high)
    return float(row["threshold_value"])


def known_data_sets() -> list[DataSpec]:
    """The data sets of the project and those that a user keeps."""
    own = [kind for kind in datasets.DATASETS if kind.startswith("demo")]
    return [*map(DataSpec, own), *settings.data_roots().values()]


def _holds(slices: SliceSpec) -> bool:
    return any(
        subject.id == slices.subject and not subject.problem
        for subject in datasets.open_dataset(slices.data).subjects()
        if slices.modality in subject.modalities
    )


def _prompts(row: Row, region: str, home: Path | None) -> PromptSet:
    """The set with the texts that were read; of several, the one of that name."""
    if not row["prompts_digest"]:
        return prompt_sets.NO_PROMPTS
    here = [
        *prompt_sets.shipped().values(),
        *prompt_sets.user_sets(*settings.prompt_folders(home)).values(),
    ]
    regions = (DataSpec.region, region)
    read = here + [methods.of_region(prompts, word) for prompts in here for word in regions]
    sets = [prompts for prompts in read if prompt_sets.digest(prompts) == row["prompts_digest"]]
    if not sets:
        raise SettingError(
            f"The prompt set '{row['prompts']}' is not here as it was when this was evaluated; "
            "save it among your own sets."
        )
    return next((prompts for prompts in sets if prompts.name == row["prompts"]), sets[0])
