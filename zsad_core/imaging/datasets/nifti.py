"""NIfTI files to volumes in RAS+ and back."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip
from numpy.typing import NDArray

from zsad_core.base.atomic import write_whole
from zsad_core.base.wording import counted, percent
from zsad_core.errors import DataError
from zsad_core.imaging.datasets.files import open_image, read_bytes, reading, with_forms
from zsad_core.imaging.datasets.foreground import BINS, foreground
from zsad_core.types import ByteArray, FloatArray, MaskArray, Volume, read_only

LARGEST_LESION = 0.5  # of the brain
WRAPPED = 2**14  # signed numbers that lie beyond on both sides were unsigned ones
WRAPPED_NOTE = (
    "Unsigned numbers were stored as signed ones, so those below 0 are read 65,536 higher."
)
SAME_AFFINE_MM = 1e-3
SAME_PLACE_MM = 0.5  # of the corners by qform and by sform
SHOWN = 5  # stray labels in a sentence
ROUNDING = 1e-4  # of a label that a scale was put on


def read_case(
    scan: Path,
    seg: Path | None = None,
    whole_tumour: tuple[int, ...] = (),
    allowed: tuple[int, ...] | None = None,
    channel: int | None = None,
) -> Volume:
    """A scan and any segmentation on the same grid, as (X, Y, Z) RAS+.

    `whole_tumour` are the labels of the truth, () every label above 0; `allowed` those that may
    occur, None whole numbers from 0 to 255; `channel` that of a file with several, from 0. Raises
    DataError for a file that cannot be read or is not one finite 3D scan, and for two that do not
    fit.
    """
    data = read_bytes(scan)
    intensity, affine, wrapped, position = _scan(scan, data, channel)
    x, y, z = map(float, np.linalg.norm(affine[:3, :3], axis=0))
    spacing, notes = (x, y, z), (WRAPPED_NOTE,) * wrapped
    with reading(scan):
        extent = foreground(intensity, spacing)
    digest, labels, truth = hashlib.sha256(data), None, None
    if seg is not None:
        data = read_bytes(seg)
        digest.update(data)
        labels, of_labels = read_labels(seg, data, allowed)
        if intensity.shape != labels.shape:
            raise DataError(
                f"'{seg}' has shape {labels.shape} but '{scan.name}' {intensity.shape} (RAS+); "
                "resample one onto the other."
            )
        if not np.allclose(affine, of_labels, atol=SAME_AFFINE_MM):
            apart = float(np.abs(affine - of_labels).max())
            raise DataError(
                f"'{seg}' lies elsewhere than '{scan.name}' (their affines differ by up to "
                f"{apart:.3g}); correct the header that is wrong or resample."
            )
        labels = read_only(labels)
        truth = read_only(np.isin(labels, whole_tumour) if whole_tumour else labels > 0)
        notes += _mask_notes(truth, extent.brain)
    digest.update((extent.rule + "unsigned" * wrapped).encode())
    if channel is not None:
        digest.update(f"channel {channel}".encode())
    return Volume(
        intensity=read_only(intensity),
        brain=read_only(extent.brain),
        truth=truth,
        labels=labels,
        spacing_mm=spacing,
        affine=read_only(affine),
        digest=digest.hexdigest(),
        skull_stripped=extent.skull_stripped,
        notes=(*extent.notes, *notes, *position),
    )


def write_like(input_path: Path, array_xyz: FloatArray, out: Path) -> None:
    """Write (X, Y, Z) RAS+ values as float32 in the axis order and affine of a file.

    The output, .nii or .nii.gz, appears whole or not at all. Raises DataError if the input cannot
    be read or is the output, StorageError if the output cannot be written.
    """
    if out.exists() and out.samefile(input_path):
        raise DataError(f"'{out}' is the scan itself; choose another place for what is made of it.")
    data = like(input_path, np.asarray(array_xyz, np.float32)).to_bytes()
    write_whole(out, igzip.compress(data, 1, mtime=0) if out.suffix == ".gz" else data)


def like(
    input_path: Path, array_xyz: NDArray[Any], high: float = 0, description: str = ""
) -> nib.Nifti1Image:
    """(X, Y, Z) RAS+ values in their own type, in the axis order and affine of a file, in mm.

    The file may have several channels on that grid. With a `high` a viewer shows the range
    0 … high. Of the file's header nothing else is taken, as its texts may name a patient;
    `description` is cut at 79 ASCII characters. Raises DataError if the file cannot be read.
    """
    source = open_image(input_path, read_bytes(input_path), channel=0)
    canonical = nib.orientations.axcodes2ornt("RAS")
    own = nib.orientations.io_orientation(source.affine)
    turn = nib.orientations.ornt_transform(canonical, own)
    values = nib.orientations.apply_orientation(array_xyz, turn)
    if values.shape != source.shape:
        raise ValueError(f"values {values.shape} do not fit the file's {source.shape}")
    image = with_forms(type(source)(values, source.affine), source, np.eye(4))
    image.header["cal_max"] = high
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    return image


def _scan(
    path: Path, data: bytes, channel: int | None
) -> tuple[FloatArray, FloatArray, bool, tuple[str, ...]]:
    """Intensities (X, Y, Z) RAS+, affine, whether they were wrapped, and notes on their place.

    Of a file's bytes `data`, which take as much memory as the voxels and are let go of here.
    """
    source = open_image(path, data, channel)
    with reading(path):
        image = nib.as_closest_canonical(source)
        intensity, wrapped = _intensity(path, image, source)
    return intensity, np.array(image.affine, np.float64), wrapped, _orientation_notes(source)


def _orientation_notes(image: nib.Nifti1Image) -> tuple[str, ...]:
    """Notes if the two affines of a header disagree, or if it has none."""
    qform, sform = image.get_qform(coded=True)[0], image.get_sform(coded=True)[0]
    if qform is None and sform is None:
        return ("The header names no orientation, so left and right may be exchanged.",)
    if qform is None or sform is None:
        return ()
    corners = np.array([(*at, 1) for at in np.ndindex(2, 2, 2)]) * (*image.shape, 1)
    apart = float(np.linalg.norm(corners @ (qform - sform).T, axis=1).max())
    if apart <= SAME_PLACE_MM:
        return ()
    mirrored = np.linalg.det(qform[:3, :3]) * np.linalg.det(sform[:3, :3]) < 0
    what = "exchange left and right" if mirrored else f"differ by up to {apart:.3g} mm"
    return (
        f"The two positions in the header (qform and sform) {what}: the sform is followed here, "
        "other programs may follow the qform.",
    )


def finite_values(path: Path, image: nib.Nifti1Image) -> FloatArray:
    """All values of the image of a file; raises DataError if any is NaN or infinite."""
    values = _values(path, image)
    count = int(values.size - np.isfinite(values).sum())
    if count:
        voxels = "1 voxel that is" if count == 1 else f"{count} voxels that are"
        raise DataError(f"'{path}' holds {voxels} NaN or infinite; correct or export it again.")
    return values


def _values(path: Path, image: nib.Nifti1Image) -> FloatArray:
    with reading(path), np.errstate(over="ignore"):  # beyond float32 is infinite, and refused
        return np.ascontiguousarray(image.get_fdata("unchanged", np.float32))


def _intensity(
    path: Path, image: nib.Nifti1Image, source: nib.Nifti1Image
) -> tuple[FloatArray, bool]:
    """Intensities (X, Y, Z) of an image, and whether its source holds unsigned numbers as signed.

    The image is the source turned to RAS+. Wrapped numbers are read as the unsigned ones they were.
    """
    values = finite_values(path, image)
    if not (values > 0).any():
        raise DataError(f"'{path}' is empty: no voxel is above 0; export it again.")
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise DataError(f"'{path}' holds {high:g} in every voxel; export it again.")
    if high - low < BINS * np.spacing(np.float32(max(-low, high))):
        raise DataError(
            f"'{path}' holds numbers from {low:.10g} to {high:.10g}, of which float32 tells "
            "too few apart; correct scl_inter in its header or export it again."
        )
    unscaled = (source.dataobj.slope, source.dataobj.inter) == (1, 0)  # else all of int16 is used
    wrapped = unscaled and source.get_data_dtype() == np.int16 and low < -WRAPPED and high > WRAPPED
    if wrapped:
        values[values < 0] += 2**16
    return values, wrapped


def _mask_notes(truth: MaskArray, brain: MaskArray) -> tuple[str, ...]:
    """A note if the mask covers most of the brain."""
    share = float(truth[brain].mean()) if brain.any() else 0
    if share < LARGEST_LESION:
        return ()
    return (
        f"The mask covers {percent(share)} of the foreground: it may be a mask of the whole region "
        "and no lesion.",
    )


def read_labels(
    path: Path, data: bytes, allowed: tuple[int, ...] | None
) -> tuple[ByteArray, FloatArray]:
    """The labels of a file's bytes, (X, Y, Z) RAS+, and their affine; raises DataError."""
    source = open_image(path, data)
    with reading(path):
        image = nib.as_closest_canonical(source)
    values = _values(path, image)
    count, examples = stray_labels(values, range(256) if allowed is None else allowed, source)
    if count:
        words = "whole numbers from 0 to 255" if allowed is None else ", ".join(map(str, allowed))
        raise DataError(
            f"'{path}' has {counted(count, 'voxel')} of stray label {examples} where only {words} "
            "may occur; "
            "correct the segmentation or the label convention."
        )
    return np.rint(values, out=values).astype(np.uint8), image.affine


def stray_labels(
    values: FloatArray, allowed: Sequence[int], source: nib.Nifti1Image
) -> tuple[int, str]:
    """How many values are not one of the allowed labels, and the first few of these, as text.

    A label may differ from a whole number by half a step of the scale in the header of `source`,
    an image as `open_image` returns it.
    """
    step = abs(float(source.dataobj.slope))
    rounding = ROUNDING + (min(step / 2, 0.25) if step % 1 else 0)
    by_slice = [np.unique(part, return_counts=True) for part in values]  # all at once are sorted
    of_slices, counts = map(np.concatenate, zip(*by_slice, strict=True))
    distinct, index = np.unique(of_slices, return_inverse=True)
    count = np.bincount(index, counts)
    whole = np.rint(distinct)
    stray = ~(np.isclose(distinct, whole, rtol=0, atol=rounding) & np.isin(whole, allowed))
    examples = [f"{value:g}" for value in distinct[stray][:SHOWN]]
    return int(count[stray].sum()), ", ".join(examples + ["…"] * bool(stray.sum() > SHOWN))
