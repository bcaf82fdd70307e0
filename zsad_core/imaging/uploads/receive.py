"""Files from a browser to subjects of the user's own folder, or one sentence on what is wrong.

A subject is taken whole or not at all. One upload is looked at at a time, so that memory stays
bounded however many users there are.
"""

import math
import tempfile
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.cases import SEG
from zsad_core.imaging.datasets.files import GZIP_MAGIC, open_image, read_bytes
from zsad_core.imaging.datasets.nifti import read_case
from zsad_core.imaging.datasets.uploaded import SCANS
from zsad_core.imaging.uploads import limits
from zsad_core.imaging.uploads.arrivals import Arrival, Named, arrive, check_unpacked
from zsad_core.imaging.uploads.dicom import Slice, read_slice, write_nifti
from zsad_core.imaging.uploads.folders import free_name, room
from zsad_core.imaging.uploads.naming import title, told

_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    """What became of `files`; `subject` holds them, or is "" where `said` tells why not."""

    files: str
    subject: str
    said: str


def receive(place: Path, files: Sequence[Named]) -> list[Outcome]:
    """Take named streams into a user's folder; whatever cannot be taken is left out and said."""
    with _ONE_AT_A_TIME, tempfile.TemporaryDirectory(prefix=".arriving-", dir=place) as name:
        staging = Path(name)
        arrivals, refused = arrive(files, staging, min(limits.AT_ONCE, room(place)))
        series = _series([one for one in arrivals if one.kind == "dicom"], refused)
        scans = [one for one in arrivals if one.kind == "nifti"]
        if len(scans) > limits.SCANS:
            few = f"More than {limits.SCANS} NIfTI files; use fewer at once."
            refused[few], scans = [one.name for one in scans], []
        found = [Outcome(_named(names), "", said) for said, names in refused.items()]
        found += _scans(place, staging, scans)
        found += [_of_series(place, staging, slices) for slices in series]
    return found


def _named(names: Sequence[str]) -> str:
    """The first name and how many more.

    >>> _named(["IM1"]), _named(["IM1", "IM2", "IM3"])
    ('IM1', 'IM1 and 2 more')
    """
    return names[0] + (f" and {len(names) - 1} more" if names[1:] else "")


def _scans(place: Path, staging: Path, arrivals: Sequence[Arrival]) -> Iterator[Outcome]:
    groups: dict[str, list[tuple[str, Arrival]]] = defaultdict(list)
    for one in arrivals:
        subject, part = told(one.origin)
        groups[subject].append((part, one))
    for subject, members in groups.items():
        yield _outcome(place, staging, title(subject), members)


def _series(arrivals: Sequence[Arrival], refused: dict[str, list[str]]) -> list[list[Slice]]:
    """The slices of each series; files that are none go to the refused."""
    found: dict[str, list[Slice]] = defaultdict(list)
    for one in arrivals:
        try:
            read = read_slice(one.path)
            found[read.series].append(read)
        except DataError as error:
            refused.setdefault(str(error), []).append(one.name)
    return list(found.values())


def _of_series(place: Path, staging: Path, slices: Sequence[Slice]) -> Outcome:
    """A series becomes a subject of its own, under a name that tells nothing of the patient."""
    first, out = slices[0], staging / "series.nii.gz"
    title = f"DICOM series {first.number} ({len(slices)} slices, MR)"
    try:
        write_nifti(slices, out)
    except DataError as error:
        return Outcome(title, "", str(error))
    arrival = Arrival(title, out, "nifti")
    return _outcome(place, staging, f"dicom-{first.number}", [(first.modality, arrival)])


def _outcome(
    place: Path, staging: Path, wanted: str, members: Sequence[tuple[str, Arrival]]
) -> Outcome:
    names = [one.name for _, one in members]
    try:
        words = _checked(members)
        if room(place) < 0:
            raise DataError("No more room for your files; remove some first.")
    except DataError as error:
        said = str(error) if names[1:] else str(error).removeprefix(f"'{names[0]}' ")
        return Outcome(_named(names), "", said)
    folder = staging / "subject"
    folder.mkdir()
    for part, one in members:
        with one.path.open("rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        one.path.rename(folder / f"{part}.nii{'.gz' if packed else ''}")
    subject = free_name(place, wanted)
    (place / SCANS).mkdir(exist_ok=True)
    folder.rename(place / SCANS / subject)
    return Outcome(_named(names), subject, words)


def _checked(members: Sequence[tuple[str, Arrival]]) -> str:
    """What the files of a subject hold, in words; raises DataError on the first that is wrong."""
    parts: dict[str, Arrival] = {}
    for part, one in members:
        if part in parts:
            raise DataError(f"{parts[part].name} and {one.name} are both its {part}; use one.")
        parts[part] = one
    mask = parts.pop(SEG, None)
    if not parts:
        raise DataError(
            "A mask without its scan; name both alike, in one folder, and use both at once."
        )
    words = [f"{part}, {_read(scan, mask)}" for part, scan in parts.items()]
    return " ".join(words)


def _read(scan: Arrival, mask: Arrival | None) -> str:
    """Read a scan with its mask by the same reader as later; raises DataError by their names."""
    files = [scan, mask] if mask else [scan]
    try:
        for one in files:
            check_unpacked(one.path)
            _check_size(one.path)
        volume = read_case(scan.path, mask.path if mask else None)
    except DataError as error:
        said = str(error)
        for one in files:
            said = said.replace(str(one.path), one.name).replace(one.path.name, one.name)
        raise DataError(said) from error
    size = " x ".join(str(side) for side in volume.intensity.shape)
    spacing = " x ".join(f"{side:.3g}" for side in volume.spacing_mm)
    truth = "no mask" if volume.truth is None else f"{np.count_nonzero(volume.truth)} voxels marked"
    return " ".join([f"{size} voxels of {spacing} mm, {truth}.", *volume.notes])


def _check_size(path: Path) -> None:
    """Refuse by its header what is too large, too small or no volume; no voxel is read."""
    image = open_image(path, read_bytes(path))
    size = " x ".join(str(side) for side in image.shape)
    least, most = limits.SIDES
    if not least <= min(image.shape) <= max(image.shape) <= most:
        raise DataError(f"'{path}' has {size} voxels; each side takes {least} to {most}.")
    if math.prod(image.shape) > limits.VOXELS:
        million = f"{limits.VOXELS / 1e6:.0f} million"
        raise DataError(f"'{path}' has {size} voxels; at most {million} are taken: crop it.")
    spacing, (least_mm, most_mm) = np.linalg.norm(image.affine[:3, :3], axis=0), limits.SPACING_MM
    if not least_mm <= spacing.min() <= spacing.max() <= most_mm:
        raise DataError(
            f"'{path}' has voxels of {' x '.join(f'{side:.3g}' for side in spacing)} mm; "
            f"{least_mm:g} to {most_mm:g} mm are taken: correct its header."
        )
