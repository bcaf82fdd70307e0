"""Uploaded files become subjects in the user's folder, or one sentence says what is wrong.

A subject is taken whole or not at all. One upload is checked at a time, so that memory stays
bounded however many users there are.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
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
from zsad_core.imaging.uploads.folders import free_name, room, staging
from zsad_core.imaging.uploads.naming import parse_name, title


@dataclass(frozen=True)
class Outcome:
    """The subject that holds `files`, and what it holds; or "" and why they were refused."""

    files: str
    subject: str
    message: str


def receive(folder: Path, files: Sequence[Named]) -> list[Outcome]:
    """Store named streams in a user's folder; the outcomes include what was refused, and why."""
    with staging() as arriving:
        arrivals, refused = arrive(files, arriving, min(limits.AT_ONCE, room(folder)))
        series = _series([arrival for arrival in arrivals if arrival.kind == "dicom"], refused)
        scans = [arrival for arrival in arrivals if arrival.kind == "nifti"]
        if len(scans) > limits.SCANS:
            few = f"More than {limits.SCANS} NIfTI files; use fewer at once."
            refused[few], scans = [scan.name for scan in scans], []
        outcomes = [Outcome(_named(names), "", reason) for reason, names in refused.items()]
        subjects: dict[str, list[tuple[str, Arrival]]] = defaultdict(list)
        for scan in scans:
            subject, content = parse_name(scan.origin)
            subjects[subject].append((content, scan))
        outcomes += [_outcome(folder, arriving, title(s), files) for s, files in subjects.items()]
        outcomes += [_of_series(folder, arriving, slices) for slices in series]
    return outcomes


def _named(names: Sequence[str]) -> str:
    """The first name, and the number of others.

    >>> _named(["IM1"]), _named(["IM1", "IM2", "IM3"])
    ('IM1', 'IM1 and 2 more')
    """
    return names[0] + (f" and {len(names) - 1} more" if names[1:] else "")


def _series(arrivals: Sequence[Arrival], refused: dict[str, list[str]]) -> list[list[Slice]]:
    """The slices of each series; unreadable files are added to `refused`."""
    series: dict[str, list[Slice]] = defaultdict(list)
    for arrival in arrivals:
        try:
            header = read_slice(arrival.path)
            series[header.series].append(header)
        except DataError as error:
            refused.setdefault(str(error), []).append(arrival.name)
    return list(series.values())


def _of_series(folder: Path, arriving: Path, slices: Sequence[Slice]) -> Outcome:
    """Store a series as a subject of its own, under a name that does not identify the patient."""
    first, out = slices[0], arriving / "series.nii.gz"
    title = f"DICOM series {first.number} ({len(slices)} slices, MR)"
    try:
        write_nifti(slices, out)
    except DataError as error:
        return Outcome(title, "", str(error))
    arrival = Arrival(title, out, "nifti")
    return _outcome(folder, arriving, f"dicom-{first.number}", [(first.modality, arrival)])


def _outcome(
    folder: Path, arriving: Path, name: str, members: Sequence[tuple[str, Arrival]]
) -> Outcome:
    names = [arrival.name for _, arrival in members]
    try:
        words = _checked(members)
        if room(folder) < 0:
            raise DataError("No more room for your files; remove some first.")
    except DataError as error:
        message = str(error) if names[1:] else str(error).removeprefix(f"'{names[0]}' ")
        return Outcome(_named(names), "", message)
    subject_folder = arriving / "subject"
    subject_folder.mkdir()
    for content, arrival in members:
        with arrival.path.open("rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        arrival.path.rename(subject_folder / f"{content}.nii{'.gz' if packed else ''}")
    subject = free_name(folder, name)
    (folder / SCANS).mkdir(exist_ok=True)
    subject_folder.rename(folder / SCANS / subject)
    return Outcome(_named(names), subject, words)


def _checked(members: Sequence[tuple[str, Arrival]]) -> str:
    """A summary of the files of a subject; raises DataError for the first invalid one."""
    contents: dict[str, Arrival] = {}
    for content, arrival in members:
        if (first := contents.setdefault(content, arrival)) is not arrival:
            raise DataError(f"{first.name} and {arrival.name} are both its {content}; use one.")
    mask = contents.pop(SEG, None)
    if not contents:
        raise DataError(
            "A mask without its scan; name both alike, in one folder, and use both at once."
        )
    return " ".join(f"{content}, {_read(scan, mask)}" for content, scan in contents.items())


def _read(scan: Arrival, mask: Arrival | None) -> str:
    """Read a scan and its mask as the data set will; DataError gives their uploaded names."""
    files = [scan, mask] if mask else [scan]
    try:
        for file in files:
            check_unpacked(file.path)
            _check_size(file.path)
        volume = read_case(scan.path, mask.path if mask else None)
    except DataError as error:
        message = str(error)
        for file in files:
            message = message.replace(str(file.path), file.name).replace(file.path.name, file.name)
        raise DataError(message) from error
    size = " x ".join(str(side) for side in volume.intensity.shape)
    spacing = " x ".join(f"{side:.3g}" for side in volume.spacing_mm)
    truth = "no mask" if volume.truth is None else f"{np.count_nonzero(volume.truth)} voxels marked"
    return " ".join([f"{size} voxels of {spacing} mm, {truth}.", *volume.notes])


def _check_size(path: Path) -> None:
    """Check the size of a volume by its header alone; raises DataError."""
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
