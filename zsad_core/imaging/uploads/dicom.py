"""DICOM slices to one NIfTI file a series; only voxels and geometry are read, no patient data.

What pydicom leaves to other libraries (compressed voxels) is refused, and so is a deflated file,
which it would unpack without bound.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.filereader import read_file_meta_info

from zsad_core.errors import DataError
from zsad_core.imaging.uploads import limits
from zsad_core.imaging.uploads.naming import modality_in
from zsad_core.types import FloatArray, MaskArray

SYNTAXES: dict[tuple[bool | None, bool | None], uid.UID] = {  # by implicit and little-endian
    (True, True): uid.ImplicitVRLittleEndian,
    (False, True): uid.ExplicitVRLittleEndian,
    (False, False): uid.ExplicitVRBigEndian,
}
PLAIN = tuple(SYNTAXES.values())
TAGS = (
    "Modality", "ImageType", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription",
    "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope",
    "RescaleIntercept", "ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing",
    "PixelPaddingValue", "PixelPaddingRangeLimit",
)  # fmt: skip
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
OFF_LINE_MM, UNEVEN, FAR_MM = 0.1, 0.02, 1e5

# A value that breaks the standard's rules for text is no reason to print it in a log.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE


@dataclass(frozen=True)
class Slice:
    """Where a slice lies, by its own header: patient coordinates (LPS) in mm.

    `series` tells series apart and is never shown; `modality` is guessed from the series' own
    description; `frame` is rows, columns, spacing of rows and of columns, and the six cosines of a
    row and a column.
    """

    path: Path
    series: str
    number: int
    modality: str
    frame: tuple[float, ...]
    position: tuple[float, ...]


def read_slice(path: Path) -> Slice:
    """The header of a DICOM file; raises DataError unless it is a single MR slice."""
    try:
        syntax = read_file_meta_info(path).get("TransferSyntaxUID")
        if syntax not in (None, *PLAIN):
            known = "in an unknown way" if syntax.name == syntax else syntax.name
            raise DataError(f"Compressed DICOM ({known}); export it uncompressed.")
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[*TAGS])
        return _slice(path, header)
    except DataError:
        raise
    except Exception as error:  # hostile bytes raise whatever they reach in a parser
        raise DataError("Cannot be read as a DICOM slice; export it again.") from error


def _slice(path: Path, header: pydicom.Dataset) -> Slice:
    kind = re.sub(r"\W", "", str(header.get("Modality", "")))[:8] or "nothing"
    if kind != "MR":
        raise DataError(f"Its modality is {kind}, not MR; use an MR series.")
    mosaic = "MOSAIC" in (header.get("ImageType") or ())
    if int(header.get("NumberOfFrames") or 1) > 1 or mosaic:
        raise DataError("Holds many slices in one file; export one file a slice.")
    grey = header.get("PhotometricInterpretation") == "MONOCHROME2"
    if int(header.get("SamplesPerPixel") or 1) > 1 or not grey:
        raise DataError("Holds colours or inverted grey; export it as MONOCHROME2.")
    stored, highest = int(header.BitsStored), int(header.get("HighBit", header.BitsStored - 1))
    if highest != stored - 1:
        raise DataError(f"Holds {stored} bits up to bit {highest}; export its lowest bits alone.")
    lengths = map(float, (*header.PixelSpacing, *header.ImageOrientationPatient))
    frame = (int(header.Rows), int(header.Columns), *lengths)
    position = tuple(map(float, header.ImagePositionPatient))
    whole = (len(frame), len(position)) == (10, 3) and np.isfinite((*frame, *position)).all()
    least, most = limits.SPACING_MM
    near = whole and least <= min(frame[2:4]) <= max(frame[2:4]) <= most
    if not near or np.abs(position).max() > FAR_MM or np.abs(frame[4:]).max() > 2:
        raise DataError("Does not say soundly where its slice lies; export it again.")
    if not 1 <= min(frame[:2]) <= max(frame[:2]) <= limits.SIDES[1]:
        raise DataError(f"Has {frame[0]} x {frame[1]} pixels; at most {limits.SIDES[1]} a side.")
    number = int(header.get("SeriesNumber") or 0)
    return Slice(
        path,
        str(header.SeriesInstanceUID),
        number if 0 <= number < 10**5 else 0,
        modality_in(str(header.get("SeriesDescription") or "")),
        frame,
        position,
    )


def write_nifti(slices: Sequence[Slice], out: Path) -> None:
    """Write the slices of one series as a NIfTI file; raises DataError if they form no volume."""
    ordered, affine = _stacked(slices)
    rows, columns = (int(side) for side in ordered[0].frame[:2])
    if math.prod((rows, columns, len(ordered))) > limits.VOXELS:
        raise DataError(f"More than {limits.VOXELS / 1e6:.0f} million voxels; crop it.")
    values = np.empty((columns, rows, len(ordered)), np.float32)
    for index, header in enumerate(ordered):
        values[..., index] = _pixels(header.path, (rows, columns)).T
    image = nib.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    try:
        nib.save(image, out)
    except OSError as error:
        raise DataError(f"Cannot be kept ({error.strerror}); try again later.") from error


def _pixels(path: Path, shape: tuple[int, int]) -> FloatArray:
    """Pixels (H, W) in the units of the file; padding is what a stored 0 is."""
    try:
        image = pydicom.dcmread(path, specific_tags=[*TAGS, "PixelData"])
        expected = math.prod(shape) * int(image.BitsAllocated) // 8
        if len(image.PixelData) != expected + expected % 2:
            raise DataError("A slice holds fewer or more voxels than it says; export it again.")
        if "TransferSyntaxUID" not in image.file_meta:
            image.file_meta.TransferSyntaxUID = SYNTAXES[image.original_encoding]
        slope, intercept = image.get("RescaleSlope"), image.get("RescaleIntercept")
        stored = image.pixel_array.reshape(shape)
        with np.errstate(over="ignore"):  # what becomes infinite is refused with the volume
            scaled = stored.astype(np.float32) * float(1 if slope is None else slope)
            scaled += float(intercept or 0)
        scaled[_padding(image, stored)] = float(intercept or 0)
        return scaled
    except DataError:
        raise
    except Exception as error:  # as in read_slice
        raise DataError("The voxels of a slice cannot be read; export it again.") from error


def _padding(image: pydicom.Dataset, stored: NDArray[np.integer[Any]]) -> MaskArray:
    """Stored pixels (H, W) that are padding: of one value, or in a range of values."""
    ends = [image.get("PixelPaddingValue"), image.get("PixelPaddingRangeLimit")]
    values = [int(end) for end in ends if end is not None]
    if ends[0] is None:
        return np.zeros(stored.shape, bool)
    return (stored >= min(values)) & (stored <= max(values))


def _stacked(slices: Sequence[Slice]) -> tuple[list[Slice], FloatArray]:
    """Slices in order and the affine to RAS of (column, row, slice); raises DataError."""
    frames = np.array([header.frame for header in slices])
    if len(slices) < limits.SIDES[0]:
        raise DataError(f"{len(slices)} slices; a volume takes {limits.SIDES[0]}.")
    if np.ptp(frames, axis=0).max() > 1e-3:
        raise DataError("Its slices differ in size, spacing or direction; use one series.")
    spacing, across, down = frames[0, 2:4], frames[0, 4:7], frames[0, 7:]
    if np.abs(np.array([across @ across - 1, down @ down - 1, across @ down])).max() > 1e-3:
        raise DataError("Its rows and columns are not at right angles; export it again.")
    normal = np.cross(across, down)
    positions = np.array([header.position for header in slices])
    order = np.argsort(positions @ normal, kind="stable")
    positions = positions[order]
    along = positions @ normal
    step = _step(along)
    if np.abs(positions - positions[0] - np.outer(along - along[0], normal)).max() > OFF_LINE_MM:
        raise DataError("Its slices do not lie straight above each other; export it untilted.")
    affine = np.eye(4)
    affine[:3] = np.c_[across * spacing[1], down * spacing[0], normal * step, positions[0]]
    return [slices[index] for index in order], LPS_TO_RAS @ affine


def _step(along: FloatArray) -> float:
    """The distance from slice to slice in mm; raises DataError unless it is the same everywhere."""
    steps = np.diff(along)
    step = float(np.median(steps))
    repeated = int((steps < 1e-3).sum())
    if repeated:
        raise DataError(
            f"{repeated} slices lie where another does (echoes, times, copies); use one volume."
        )
    lacking = np.rint(steps / step).astype(int) - 1
    if lacking.any():
        gaps = [f"{lacking[k]} above {along[k]:.1f} mm" for k in np.flatnonzero(lacking)]
        where = ", ".join(gaps[:3] + ["…"] * (len(gaps) > 3))
        raise DataError(f"Slices are missing ({where}); upload all of the series.")
    if np.abs(steps - step).max() > UNEVEN * step:
        raise DataError(
            f"Its slices are {steps.min():.2f} to {steps.max():.2f} mm apart; resample them evenly."
        )
    return step
