"""Maps that are files: predictions of other models on the grid of a subject's scan."""

import functools
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from zsad_core.base.digests import file_digest
from zsad_core.imaging import datasets, slicing
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.grids import grid_of
from zsad_core.imaging.predictions.matching import Survey, survey
from zsad_core.imaging.predictions.reading import read
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.inference.sources.base import MapSource
from zsad_core.methods import FilePredictions
from zsad_core.types import (
    AnomalyMap,
    DataSpec,
    MapSpec,
    Progress,
    SliceSpec,
    read_only,
)

RESAMPLED = "Resampled: the prediction lies on another grid than the scan."
MASK = "A mask has one threshold: no AUROC, AP or PRO."


def options_of(data: DataSpec, name: str) -> tuple[tuple[str, str], ...]:
    """The fields of `FilePredictions` for a set of these data, as text; raises SettingError."""
    predictions = registry.find(data, name)
    fields = {"kind": predictions.kind, "low": repr(predictions.low), "top": repr(predictions.high)}
    fields |= {
        "labels": ",".join(map(str, predictions.foreground)),
        "resample": str(predictions.resample),
    }
    return tuple(sorted(fields.items()))


def survey_of(data: DataSpec, name: str) -> Survey:
    """Which file of a set is of which subject; raises DataError, SettingError without the set."""
    folder = Path(registry.find(data, name).folder)
    subjects = tuple(subject.id for subject in datasets.open_dataset(data).subjects())
    stamp = folder.stat().st_mtime_ns if folder.is_dir() else 0
    return _surveyed(folder, stamp, subjects)


def file_of(slices: SliceSpec, name: str) -> Path:
    """The file of a subject in a set; raises DataError where there is none, or several."""
    return survey_of(slices.data, name).file(slices.subject)


def content_key(spec: MapSpec) -> str:
    """A digest of the file and of how its set is read."""
    fields = asdict(_set(spec))
    reading = sorted(field for field in fields.items() if field[0] not in ("name", "folder"))
    return f"{file_digest(file_of(spec.features.slices, spec.setup))} {reading}"


@dataclass(frozen=True)
class FileSource(MapSource):
    """A map read from a subject's file; nothing is encoded for it."""

    method: FilePredictions

    @property
    def key(self) -> tuple[MapSpec, str]:
        """The spec and the file's content: another program may write the file anew."""
        return self.spec, content_key(self.spec)

    def inputs(self) -> dict[str, object]:
        """The file's content; rows of masks that were read at other thresholds are others."""
        one = {"thresholds": 1} if self.method.binary else {}
        return {"volumes": (), "file": content_key(self.spec), **one}

    def whole(self, progress: Progress | None = None) -> AnomalyMap:
        """The file on the scan's grid; a slice's score is the greatest value in its brain.

        Raises DataError for a file that does not fit, SettingError without such a set.
        """
        slices, predictions = self.spec.features.slices, _set(self.spec)
        volume, stack = self.engine.volume(slices), self.engine.stack(slices)
        prediction = read(predictions, file_of(slices, self.spec.setup), grid_of(volume))
        values = np.ascontiguousarray(slicing.as_slices(prediction.values, slices.plane))
        inside = np.where(stack.brain, values, -1).max(axis=(1, 2))
        scores = np.where(inside >= 0, inside, np.nan).astype(np.float32)
        notes = [RESAMPLED] * prediction.resampled + [MASK] * self.method.binary
        return AnomalyMap(
            read_only(values),
            read_only(scores),
            self.method.high,
            self.method.binary,
            tuple(notes),
        )


def _set(spec: MapSpec) -> Predictions:
    return registry.find(spec.features.slices.data, spec.setup)


@functools.lru_cache(16)
def _surveyed(folder: Path, stamp: int, subjects: tuple[str, ...]) -> Survey:
    return survey(folder, subjects)
