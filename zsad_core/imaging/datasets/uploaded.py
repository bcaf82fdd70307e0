"""Scans that a user brought through a browser, as `uploads.receive` lays them down."""

from collections.abc import Iterator
from pathlib import Path

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.cases import SEG, Case, Cases
from zsad_core.imaging.datasets.files import SUFFIXES, stem
from zsad_core.types import DataSpec

MODALITIES = ("t2f", "t1c", "t1n", "t2w", "scan")
SCANS = "scans"
TITLE = "Uploaded (only you)"


def indexed(spec: DataSpec) -> Cases:
    """Below `scans/` a folder a subject, in it MODALITY.nii(.gz) and the mask, seg.nii(.gz).

    Every label above 0 is truth. A subject that was removed leaves its folder empty. Raises
    DataError if the folder is not there or holds no scan.
    """
    found = tuple(_cases(Path(spec.root)))
    if not found:
        raise DataError("No scan is uploaded here any more; upload one on the Setup page.")
    return Cases(found, TITLE)


def _cases(root: Path) -> Iterator[Case]:
    for folder in root.glob(f"{SCANS}/*/"):
        files = {stem(path): path for path in folder.iterdir() if path.name.endswith(SUFFIXES)}
        scans = {part: files[part] for part in MODALITIES if part in files}
        if scans:
            yield Case(folder.name, scans, files.get(SEG))
