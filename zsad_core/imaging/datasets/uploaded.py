"""Scans that a user uploaded through a browser, as `uploads.receive` stores them."""

from collections.abc import Iterator
from contextlib import suppress
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

    Every label above 0 is truth; the folder of a removed subject is empty or gone. DataError
    without scan.
    """
    cases = tuple(_cases(Path(spec.root)))
    if not cases:
        raise DataError("No scan is uploaded here any more; upload one on the Setup page.")
    return Cases(cases, TITLE)


def _cases(root: Path) -> Iterator[Case]:
    for folder in root.glob(f"{SCANS}/*/"):
        files = dict[str, Path]()
        with suppress(FileNotFoundError):  # the subject is being removed
            files = {stem(path): path for path in folder.iterdir() if path.name.endswith(SUFFIXES)}
        scans = {content: files[content] for content in MODALITIES if content in files}
        if scans:
            yield Case(folder.name, scans, files.get(SEG))
