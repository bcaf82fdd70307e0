"""The synthetic demo cohort: made when a subject is chosen, read back as BraTS files are."""

import gzip
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
from zsad_core.imaging.datasets import anatomy, lesions
from zsad_core.imaging.datasets.anatomy import CONTRASTS, GENERATOR_VERSION, GRID_MM
from zsad_core.imaging.datasets.brats import LABEL_NAMES, MODALITIES, indexed
from zsad_core.imaging.datasets.cases import Cases
from zsad_core.imaging.datasets.lesions import ET, RC, Kind
from zsad_core.types import ByteArray, DataSpec, Progress, Split, Subject, Volume

VERSION = f"{GENERATOR_VERSION}.1"
SYNTHETIC = "Synthetic: made from the ICBM152 tissue maps with drawn lesions, no patient."
STRAY = 7
OLD_NAMES = {"t2f": "flair", "t1c": "t1ce", "t1n": "t1", "t2w": "t2"}
NONE = Kind(count=(0, 0))
TINY = Kind(count=(4, 6), radius_mm=(1.5, 2.4), median_mm=2.0)


@dataclass(frozen=True)
class Phantom:
    """One subject: its seed is its number; the other fields say how it differs from a usual one."""

    id: str
    seed: int
    split: Split = "extra"
    kind: Kind = Kind()
    note: str = ""
    problem: str = ""
    spacing: float = 1.0
    axes: str = "LPS"
    without: str = ""
    spoil: str = ""


def _usual(number: int) -> Phantom:
    split: Split = "train" if number <= 8 else "validation" if number <= 12 else "test"
    return Phantom(f"DEMO-MET-{number:03d}-000", number, split)


def _extra(number: int, note: str, **fields: object) -> Phantom:
    name = fields.pop("id", f"DEMO-MET-{number:03d}-000")
    return replace(Phantom(str(name), number, note=note), **fields)  # type: ignore[arg-type]


COHORT = {
    phantom.id: phantom
    for phantom in (
        *(_usual(number) for number in range(1, 25)),
        _extra(25, "Lesion-free.", kind=NONE),
        _extra(26, "Only tiny lesions.", kind=TINY),
        _extra(27, "Other axis order and spacing.", axes="PSR", spacing=1.25),
        _extra(28, "Has no t2w.", without="t2w"),
        _extra(29, "Has a resection cavity.", kind=Kind(cavity=True)),
        _extra(
            30,
            "A stray label value, to show how it is refused.",
            spoil="label",
            problem=f"DEMO-MET-030-000-seg.nii.gz holds the label {STRAY}, which is none of "
            "0, 1, 2, 3, 4; correct the segmentation.",
        ),
        _extra(
            31,
            "A truncated file, to show how it is refused.",
            spoil="gzip",
            problem="The files DEMO-MET-031-000-t2f.nii.gz and others are cut short; "
            "get them again.",
        ),
        _extra(32, "Naming and labels of 2021.", id="BraTS2021_90001"),
    )
}


class Demo:
    """The cohort under the cache; every subject is a pure function of its seed and the version."""

    title = "Demo cohort (synthetic)"
    synthetic = True
    label_names = LABEL_NAMES
    chosen_labels = ""

    def __init__(self, spec: DataSpec, spacing_mm: float) -> None:
        self._spec, self._spacing = spec, spacing_mm

    @property
    def _root(self) -> Path:
        return cache_root() / "demo" / f"v{VERSION}-{self._spacing:g}mm"

    def subjects(self) -> tuple[Subject, ...]:
        """The whole cohort, made or not; no voxel is read."""
        return tuple(
            Subject(
                phantom.id,
                tuple(name for name in MODALITIES if name != phantom.without),
                has_truth=True,
                split=phantom.split,
                problem=phantom.problem,
                notes=(phantom.note,) if phantom.note else (),
            )
            for phantom in COHORT.values()
        )

    def load(self, subject_id: str, modality: str, progress: Progress | None = None) -> Volume:
        """One scan with its whole tumour, made first if missing; raises DataError."""
        self.make(subject_id, progress)
        volume = self._files(subject_id).load(subject_id, modality)
        return replace(volume, notes=(SYNTHETIC, *volume.notes))

    def stamp(self, subject_id: str, modality: str) -> str:
        """Path, size and time of change of the files of a scan; "" while it is not made."""
        if not self.exists(subject_id):
            return ""
        return self._files(subject_id).stamp(subject_id, modality)

    def file(self, subject_id: str, modality: str) -> Path:
        """The file of a scan, made first if missing; raises DataError."""
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
        return indexed(replace(self._spec, root=str(self._root / subject_id)))

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
        contrasts, labels = lesions.with_lesions(healthy, phantom.seed, phantom.kind)
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
