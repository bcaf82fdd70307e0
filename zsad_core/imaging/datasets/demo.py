"""The synthetic demo cohort: made when a subject is chosen, read back as BraTS files are."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel import orientations
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from zsad_core.base.atomic import locked, whole
from zsad_core.base.paths import cache_root
from zsad_core.base.progress import tracked
from zsad_core.base.threads import ThreadPool
from zsad_core.errors import DataError
from zsad_core.imaging.datasets import anatomy, brats, lesions
from zsad_core.imaging.datasets.anatomy import CONTRASTS, GENERATOR_VERSION, GRID_MM
from zsad_core.imaging.datasets.cases import Cases
from zsad_core.imaging.datasets.lesions import ET, RC, LesionPattern
from zsad_core.types import ByteArray, DataSpec, Progress, Split, Subject, Volume

VERSION = f"{GENERATOR_VERSION}.1"
SYNTHETIC = "Synthetic: made from the ICBM152 tissue maps with drawn lesions, no patient."
STRAY = 7
OLD_NAMES = {new: old for old, new in brats.OLD_NAMES.items()}
NONE = LesionPattern(count=(0, 0))
TINY = LesionPattern(count=(4, 6), radius_mm=(1.5, 2.4), median_mm=2.0)


@dataclass(frozen=True)
class Phantom:
    """One subject: its seed is its number; the other fields say how it differs from a usual one."""

    seed: int
    note: str = ""
    split: Split = "extra"
    lesions: LesionPattern = LesionPattern()
    problem: str = ""
    spacing: float = 1.0
    axes: str = "LPS"
    without: str = ""
    spoil: str = ""
    name: str = ""

    @property
    def id(self) -> str:
        """Its `name`, or else that of its number."""
        return self.name or f"DEMO-MET-{self.seed:03d}-000"


COHORT = {
    phantom.id: phantom
    for phantom in (
        *(Phantom(number, split="train") for number in range(1, 9)),
        *(Phantom(number, split="validation") for number in range(9, 13)),
        *(Phantom(number, split="test") for number in range(13, 25)),
        Phantom(25, "Lesion-free.", lesions=NONE),
        Phantom(26, "Only tiny lesions.", lesions=TINY),
        Phantom(27, "Other axis order and spacing.", axes="PSR", spacing=1.25),
        Phantom(28, "Has no t2w.", without="t2w"),
        Phantom(29, "Has a resection cavity.", lesions=LesionPattern(cavity=True)),
        Phantom(
            30,
            "A stray label value, to show how it is refused.",
            spoil="label",
            problem=f"DEMO-MET-030-000-seg.nii.gz holds the label {STRAY}, which is none of "
            "0, 1, 2, 3, 4; correct the segmentation.",
        ),
        Phantom(
            31,
            "A truncated file, to show how it is refused.",
            spoil="gzip",
            problem="The files DEMO-MET-031-000-t2f.nii.gz and others are cut short; "
            "get them again.",
        ),
        Phantom(32, "Naming and labels of 2021.", name="BraTS2021_90001"),
    )
}


class Demo:
    """The cohort under the cache; a subject is made when read, a function of seed and version."""

    synthetic = True
    label_names: Mapping[int, str] = brats.LABEL_NAMES
    chosen_labels = ""

    def __init__(self, spec: DataSpec, spacing_mm: float) -> None:
        self._spec, self._spacing = spec, spacing_mm
        self.title = f"Demo cohort at {spacing_mm:g} mm (synthetic)"

    @property
    def _root(self) -> Path:
        return cache_root() / "demo" / f"v{VERSION}-{self._spacing:g}mm"

    def subjects(self) -> tuple[Subject, ...]:
        return tuple(
            Subject(
                phantom.id,
                tuple(name for name in brats.MODALITIES if name != phantom.without),
                has_truth=True,
                split=phantom.split,
                problem=phantom.problem,
                notes=(phantom.note,) if phantom.note else (),
            )
            for phantom in COHORT.values()
        )

    def load(self, subject_id: str, modality: str, progress: Progress | None = None) -> Volume:
        self.make(subject_id, progress)
        volume = self._files(subject_id).load(subject_id, modality)
        return replace(volume, notes=(SYNTHETIC, *volume.notes))

    def stamp(self, subject_id: str, modality: str) -> str:
        return (
            self._files(subject_id).stamp(subject_id, modality) if self.exists(subject_id) else ""
        )

    def file(self, subject_id: str, modality: str) -> Path:
        self.make(subject_id)
        return self._files(subject_id).file(subject_id, modality)

    def check(self, subject_id: str) -> str:
        """What is wrong with the subject by design, or ""; nothing is made."""
        return COHORT[subject_id].problem

    def get_ready(self) -> None:
        """Load the template if a subject is still to be made, so that making it starts at once."""
        if not all(map(self.exists, COHORT)):
            anatomy.get_ready()

    def make(self, subject_id: str, progress: Progress | None = None) -> Path:
        """The subject's folder in BraTS layout; raises DataError for an unknown id."""
        if subject_id not in COHORT:
            raise DataError(f"The demo has no subject '{subject_id}'; choose one of its list.")
        folder = self._root / subject_id
        if self.exists(subject_id):
            return folder
        with locked(folder):
            if not folder.is_dir():
                with whole(folder) as unfinished:
                    unfinished.mkdir()
                    _write(COHORT[subject_id], self._spacing, unfinished, progress)
        return folder

    def _files(self, subject_id: str) -> Cases:
        return brats.indexed(replace(self._spec, root=str(self._root / subject_id)))

    def exists(self, subject_id: str) -> bool:
        """Whether the subject's files exist."""
        return (self._root / subject_id).is_dir()

    def make_all(self, progress: Progress | None = None) -> None:
        """Make every missing subject, one after the other."""
        for subject_id in tracked(list(COHORT), progress):
            self.make(subject_id)


def _write(phantom: Phantom, spacing_mm: float, folder: Path, progress: Progress | None) -> None:
    step = progress or (lambda done, total: None)
    step(0, 3)
    spacing = spacing_mm * phantom.spacing
    with threadpool_limits(1, "blas"):  # it is for small products only, whose threads wait busily
        healthy = anatomy.healthy(phantom.seed, spacing)
        step(1, 3)
        contrasts, labels = lesions.with_lesions(healthy, phantom.seed, phantom.lesions)
    step(2, 3)
    images: dict[str, NDArray[Any]] = {
        name: contrasts[name] for name in CONTRASTS if name != phantom.without
    }
    images["seg"] = _labels(phantom, labels)
    with ThreadPool(2) as pool:
        jobs = [
            pool.submit(_save, values, spacing, phantom, folder / _file_name(phantom, name))
            for name, values in images.items()
        ]
        for job in jobs:
            job.result()
    step(3, 3)


def _labels(phantom: Phantom, labels: ByteArray) -> ByteArray:
    """Labels as stored in the file: in 2021 enhancing tumour is 4."""
    if phantom.id.startswith("BraTS2021"):
        assert not (labels == RC).any()
        return np.where(labels == ET, 4, labels).astype(np.uint8)
    if phantom.spoil == "label":
        labels = labels.copy()
        labels[tuple(np.argwhere(labels > 0)[0])] = STRAY
    return labels


def _file_name(phantom: Phantom, name: str) -> str:
    if phantom.id.startswith("BraTS2021"):
        return f"{phantom.id}_{OLD_NAMES.get(name, name)}.nii.gz"
    return f"{phantom.id}-{name}.nii.gz"


def _save(values: NDArray[Any], spacing: float, phantom: Phantom, path: Path) -> None:
    """One NIfTI file in whole numbers, in the phantom's axis order; the same bytes each time."""
    if values.dtype == np.float32:
        values = np.rint(values).astype(np.int16)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[0, 3] = -(GRID_MM[0] - spacing)
    image = nib.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    turn = orientations.ornt_transform(
        orientations.io_orientation(affine), orientations.axcodes2ornt(tuple(phantom.axes))
    )
    content = gzip.compress(image.as_reoriented(turn).to_bytes(), 1, mtime=0)
    if phantom.spoil == "gzip" and "seg" not in path.name:
        content = content[: len(content) * 2 // 3]
    path.write_bytes(content)
