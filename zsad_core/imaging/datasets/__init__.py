"""Data sets: indexes of subjects that load one scan at a time."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from zsad_core.errors import DataError
from zsad_core.imaging.datasets import bids, brats, folder, nnunet, uploaded
from zsad_core.imaging.datasets.cases import Cases
from zsad_core.imaging.datasets.demo import Demo
from zsad_core.imaging.datasets.files import files_below
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.tables import LEFT_OUT
from zsad_core.types import DataSpec, Progress, Split, Subject, Volume

READ = 5  # segmentations, to see which labels there are


class Dataset(Protocol):
    """What the rest of the core knows of a data set."""

    title: str
    """The name shown to a user."""
    synthetic: bool
    """Whether the scans are made, not measured."""
    label_names: Mapping[int, str]
    """Names of the labels of segmentations, as far as the data set names them."""

    @property
    def chosen_labels(self) -> str:
        """The labels that were chosen as the lesion, such as 1,2,4; "" for those of the data."""

    def subjects(self) -> tuple[Subject, ...]:
        """Every subject, also those that cannot be used; no voxel is read."""

    def load(self, subject_id: str, modality: str, progress: Progress | None = None) -> Volume:
        """One scan with its truth; raises DataError."""

    def stamp(self, subject_id: str, modality: str) -> str:
        """Path, size and time of change of a scan's files, "" while not made; raises DataError."""

    def file(self, subject_id: str, modality: str) -> Path:
        """The NIfTI file of a scan; raises DataError."""

    def check(self, subject_id: str) -> str:
        """Load every scan of a subject; the first sentence on what is wrong, or ""."""


class Divided:
    """A data set whose subjects a split divides; those that it does not name are left out."""

    def __init__(self, whole: Dataset, part_of: Mapping[str, Split]) -> None:
        self._whole, self._part_of = whole, part_of
        self.title, self.synthetic = whole.title, whole.synthetic
        self.label_names, self.chosen_labels = whole.label_names, whole.chosen_labels
        self.load, self.check = whole.load, whole.check
        self.stamp, self.file = whole.stamp, whole.file

    def subjects(self) -> tuple[Subject, ...]:
        """Every subject with its part."""
        return tuple(
            replace(subject, split=self._part_of.get(subject.id, LEFT_OUT))
            for subject in self._whole.subjects()
        )


class Layout(Protocol):
    """How a user's scans lie in a folder: what a module such as `folder` holds."""

    TITLE: str

    def fits(self, root: Path, files: Iterable[Path]) -> bool:
        """Whether the NIfTI files below a root are named like this."""

    def indexed(self, spec: DataSpec) -> Cases:
        """The data set; reads no voxel; raises DataError."""


LAYOUTS: dict[str, Layout] = {  # the first that fits a folder is taken
    "brats": brats,
    "nnunet": nnunet,
    "bids": bids,
    "folder": folder,
}
DEMOS = ("demo", "demo-2mm")
DATASETS: dict[str, Callable[[DataSpec], Dataset]] = {
    "demo": lambda spec: Demo(spec, spacing_mm=1.0),
    "demo-2mm": lambda spec: Demo(spec, spacing_mm=2.0),
    **{kind: layout.indexed for kind, layout in LAYOUTS.items()},
    "upload": uploaded.indexed,
}


def layout_of(root: str) -> str:
    """The kind of data in a folder by its file names; DataError without folder or NIfTI file."""
    files, top = files_below(root), Path(root).expanduser()
    for kind, layout in LAYOUTS.items():
        if layout.fits(top, files):
            return kind
    raise DataError(f"The folder '{root}' holds no .nii or .nii.gz file; choose another.")


def usual_modality(spec: DataSpec) -> str:
    """BraTS's first modality, or the first that a subject has; raises DataError.

    >>> usual_modality(DataSpec("demo-2mm"))
    't2f'
    """
    usual, *_ = brats.MODALITIES
    names = [name for subject in open_dataset(spec).subjects() for name in subject.modalities]
    return usual if usual in names or not names else names[0]


def labels_of(dataset: Dataset) -> dict[int, str]:
    """The labels above 0 with their names, as the data set has them or the first segmentation.

    Segmentations are read where no label has a name, until one is not empty, a few at most; a
    label then is called by its number.
    """
    names = dict(dataset.label_names)
    usable = [each for each in dataset.subjects() if each.has_truth and not each.problem]
    for subject in usable[:READ]:
        if names:
            break
        with suppress(DataError):  # the data set notes it beside the subject
            labels = dataset.load(subject.id, subject.modalities[0]).labels
            values = [] if labels is None else np.unique(labels).tolist()
            names = {label: str(label) for label in values if label}
    return names


_indexes: dict[DataSpec, Dataset] = {}


def open_dataset(spec: DataSpec) -> Dataset:
    """The data set of a spec, indexed once until `forget`, uploads each time; raises DataError."""
    if spec.split:
        whole = open_dataset(replace(spec, split=""))
        return Divided(whole, registry.fold(spec).part_of())
    if spec.kind not in DATASETS:
        raise DataError(f"There is no data set kind '{spec.kind}'; use {', '.join(DATASETS)}.")
    index = _indexes.get(spec) or DATASETS[spec.kind](spec)
    return index if spec.private else _indexes.setdefault(spec, index)


def forget(spec: DataSpec) -> None:
    """Drop an index and what was found wrong, for files that changed; others keep theirs."""
    _indexes.pop(replace(spec, split=""), None)
