"""NIfTI files to volumes in RAS+ and back."""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from zsad_core.base.atomic import write_whole
from zsad_core.errors import DataError
from zsad_core.imaging.datasets.files import open_image, read_bytes, reading
from zsad_core.imaging.datasets.foreground import foreground
from zsad_core.types import ByteArray, FloatArray, MaskArray, Volume, read_only

LARGEST_LESION = 0.5  # of the brain
WRAPPED = 2**14  # signed numbers that lie beyond on both sides were unsigned ones
WRAPPED_NOTE = (
    "Unsigned numbers were stored as signed ones, so those below 0 are read 65,536 higher."
)
SAME_AFFINE_MM = 1e-3
SAME_PLACE_MM = 0.5  # of the corners by qform and by sform
ROUNDING = 1e-4  # of a label that a scale was put on


def read_scan(path: Path) -> Volume:
    """One scan without a segmentation, as (X, Y, Z) RAS+; raises DataError."""
    return read_case(path, None)


def read_case(
    scan: Path,
    seg: Path | None,
    whole_tumour: tuple[int, ...] = (),
    allowed: tuple[int, ...] | None = None,
) -> Volume:
    """A scan and its segmentation on the same grid, as (X, Y, Z) RAS+.

    The brain is told as `foreground` says. Of `whole_tumour`, the labels that make the truth, ()
    means every label above 0; of `allowed`, the labels that may occur, None means any whole number
    from 0 to 255.

    Raises:
        DataError: A file cannot be read, is not one finite 3D scan, or the two do not fit.
    """
    data = read_bytes(scan)
    source = open_image(scan, data)
    with reading(scan):
        image = nib.as_closest_canonical(source)
        intensity, wrapped = _intensity(scan, image, source)
        spacing, notes = _spacing(image), (WRAPPED_NOTE,) * wrapped
        found = foreground(intensity, spacing)
    digest, labels, truth = hashlib.sha256(data), None, None
    if seg is not None:
        data = read_bytes(seg)
        digest.update(data)
        labels, mask = _labels(seg, data, allowed)
        _same_grid((scan, image), (seg, mask))
        labels = read_only(labels)
        truth = read_only(np.isin(labels, whole_tumour) if whole_tumour else labels > 0)
        notes += _mask_notes(truth, found.brain)
    digest.update((found.rule + "unsigned" * wrapped).encode())
    return Volume(
        intensity=read_only(intensity),
        brain=read_only(found.brain),
        truth=truth,
        labels=labels,
        spacing_mm=spacing,
        affine=read_only(np.array(image.affine, np.float64)),
        digest=digest.hexdigest(),
        skull_stripped=found.skull_stripped,
        notes=(*found.notes, *notes, *_orientation_notes(source)),
    )


def read_labels(path: Path, allowed: tuple[int, ...] | None = None) -> ByteArray:
    """A label image alone, (X, Y, Z) RAS+ uint8; raises DataError as `read_case` does."""
    return _labels(path, read_bytes(path), allowed)[0]


def write_like(input_path: Path, array_xyz: FloatArray, out: Path) -> None:
    """Write (X, Y, Z) RAS+ values as float32 in the axis order and affine of a file.

    The output, .nii or .nii.gz, appears whole or not at all. Raises DataError if the input cannot
    be read or is the output, StorageError if the output cannot be written.
    """
    if out.exists() and out.samefile(input_path):
        raise DataError(f"'{out}' is the scan itself; choose another place for what is made of it.")
    data = like(input_path, np.asarray(array_xyz, np.float32)).to_bytes()
    write_whole(out, gzip.compress(data, 1, mtime=0) if out.suffix == ".gz" else data)


def like(
    input_path: Path, array_xyz: NDArray[Any], high: float = 0, description: str = ""
) -> nib.Nifti1Image:
    """(X, Y, Z) RAS+ values in their own type, in the axis order and affine of a file, in mm.

    With a `high` a viewer shows the range 0 … high. Of the file's header nothing else is taken, as
    its texts may name a patient; `description` is cut at 79 ASCII characters. Raises DataError if
    the file cannot be read.
    """
    source = open_image(input_path, read_bytes(input_path))
    canonical = nib.orientations.axcodes2ornt("RAS")
    own = nib.orientations.io_orientation(source.affine)
    turn = nib.orientations.ornt_transform(canonical, own)
    values = nib.orientations.apply_orientation(array_xyz, turn)
    if values.shape != source.shape:
        raise ValueError(f"values {values.shape} do not fit the file's {source.shape}")
    image = type(source)(values, source.affine)
    for name, code in (("sform", "sform_code"), ("qform", "qform_code")):
        affine, known = getattr(source, f"get_{name}")(coded=True)
        if known:
            getattr(image, f"set_{name}")(affine, int(known), update_affine=False)
        image.header[code] = known
    image.header.set_xyzt_units("mm")
    image.header["cal_max"] = high
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    return image


def _spacing(image: nib.Nifti1Image) -> tuple[float, float, float]:
    x, y, z = np.linalg.norm(image.affine[:3, :3], axis=0)
    return float(x), float(y), float(z)


def _orientation_notes(image: nib.Nifti1Image) -> tuple[str, ...]:
    """What is to know of the two places that a header may give a scan."""
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


def _values(image: nib.Nifti1Image) -> FloatArray:
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite and is refused
        return np.ascontiguousarray(image.get_fdata(dtype=np.float32))


def _intensity(
    path: Path, image: nib.Nifti1Image, source: nib.Nifti1Image
) -> tuple[FloatArray, bool]:
    """Intensities (X, Y, Z) of an image, and whether its source holds unsigned numbers as signed.

    The image is the source turned to RAS+. Numbers that were stored so are read as meant.
    """
    values = _values(image)
    wrong = int(values.size - np.isfinite(values).sum())
    if wrong:
        many = "1 voxel that is" if wrong == 1 else f"{wrong} voxels that are"
        raise DataError(f"'{path}' holds {many} NaN or infinite; correct or export it again.")
    if not (values > 0).any():
        raise DataError(f"'{path}' is empty: no voxel is above 0; export it again.")
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise DataError(f"'{path}' holds {high:g} in every voxel; export it again.")
    plain = (source.dataobj.slope, source.dataobj.inter) == (1, 0)  # else all of int16 is used
    wrapped = plain and source.get_data_dtype() == np.int16 and low < -WRAPPED and high > WRAPPED
    if wrapped:
        values[values < 0] += 2**16
    return values, wrapped


def _mask_notes(truth: MaskArray, brain: MaskArray) -> tuple[str, ...]:
    """What is to know of a mask that takes in most of the brain."""
    share = float(truth[brain].mean()) if brain.any() else 0
    if share < LARGEST_LESION:
        return ()
    return (f"The mask covers {share:.0%} of the brain: it may be a brain mask and no lesion.",)


def _labels(
    path: Path, data: bytes, allowed: tuple[int, ...] | None
) -> tuple[ByteArray, nib.Nifti1Image]:
    """The labels of a file's bytes, (X, Y, Z) RAS+, and the image that says where they lie."""
    source = open_image(path, data)
    with reading(path):
        image = nib.as_closest_canonical(source)
        values = _values(image)
        found, count = np.unique(values, return_counts=True)
    known = np.arange(256) if allowed is None else np.asarray(allowed)
    near = np.isclose(found, np.rint(found), rtol=0, atol=label_rounding(source))
    stray = ~(near & np.isin(np.rint(found), known))
    if stray.any():
        some = ", ".join(f"{value:g}" for value in found[stray][:5])
        more = ", …" if stray.sum() > 5 else ""
        words = "whole numbers from 0 to 255" if allowed is None else ", ".join(map(str, allowed))
        raise DataError(
            f"'{path}' has {count[stray].sum()} voxels of stray label {some}{more} where only "
            f"{words} may occur; correct the segmentation or the label convention."
        )
    return np.rint(values).astype(np.uint8), image


def label_rounding(image: nib.Nifti1Image) -> float:
    """How far from a whole number a label may lie: half a step of the scale in the header.

    `image` is as `open_image` gives it.
    """
    step = abs(float(image.dataobj.slope))
    return ROUNDING + (min(step / 2, 0.25) if step % 1 else 0)


def _same_grid(scan: tuple[Path, nib.Nifti1Image], seg: tuple[Path, nib.Nifti1Image]) -> None:
    (scan_path, image), (seg_path, mask) = scan, seg
    if image.shape != mask.shape:
        raise DataError(
            f"'{seg_path}' has shape {mask.shape} but '{scan_path.name}' {image.shape} (RAS+); "
            f"resample one onto the other."
        )
    if not np.allclose(image.affine, mask.affine, atol=SAME_AFFINE_MM):
        apart = float(np.abs(image.affine - mask.affine).max())
        raise DataError(
            f"'{seg_path}' lies elsewhere than '{scan_path.name}' (their affines differ by up to "
            f"{apart:.3g}); correct the header that is wrong or resample."
        )
