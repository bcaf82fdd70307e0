"""Scans that a user brought through a browser, as `uploads.receive` lays them down."""

from collections.abc import Iterator
from pathlib import Path

from zsad_core.datasets.cases import SEG, Case, Cases
from zsad_core.datasets.files import SUFFIXES, stem
from zsad_core.errors import DataError
from zsad_core.types import DataSpec, Progress, Subject, Volume

MODALITIES = ("t2f", "t1c", "t1n", "t2w", "scan")
SCANS = "scans"


class Uploaded:
    """Below `scans/` a folder a subject, in it MODALITY.nii(.gz) and the mask, seg.nii(.gz).

    Every label above 0 is truth. A subject that was removed leaves its folder empty.
    """

    title = "Uploaded (only you)"
    synthetic = False

    def __init__(self, spec: DataSpec) -> None:
        """Index the folder; raises DataError if it is not there or holds no scan."""
        self._cases = Cases(_cases(Path(spec.root)))
        if not self._cases.subjects():
            raise DataError("No scan is uploaded here any more; upload one on the Setup page.")

    def subjects(self) -> tuple[Subject, ...]:
        """Every subject by id, with the problems known so far; no voxel is read."""
        return self._cases.subjects()

    def load(self, subject_id: str, modality: str, progress: Progress | None = None) -> Volume:
        """One scan with its mask, (X, Y, Z) RAS+; raises DataError."""
        return self._cases.load(subject_id, modality, progress)

    def stamp(self, subject_id: str, modality: str) -> str:
        """Path, size and time of change of the files of a scan; raises DataError."""
        return self._cases.stamp(subject_id, modality)

    def file(self, subject_id: str, modality: str) -> Path:
        """The file of a scan; raises DataError."""
        return self._cases.file(subject_id, modality)

    def check(self, subject_id: str) -> str:
        """Load everything of a subject; returns the sentence on what is wrong, or ""."""
        return self._cases.check(subject_id)


def _cases(root: Path) -> Iterator[Case]:
    for folder in root.glob(f"{SCANS}/*/"):
        files = {stem(path): path for path in folder.iterdir() if path.name.endswith(SUFFIXES)}
        scans = {part: files[part] for part in MODALITIES if part in files}
        if scans:
            yield Case(folder.name, scans, files.get(SEG))
