"""Find NIfTI files and open them; whatever is wrong with one is said, not mended."""

import gzip
import logging
import math
import os
import zlib
from pathlib import Path, PurePath

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from zsad_core.base.paths import uploads
from zsad_core.errors import DataError

SUFFIXES = (".nii", ".nii.gz")
HEADER = 348  # bytes of the shortest NIfTI header
GZIP_MAGIC = b"\x1f\x8b"

# nibabel prints its header remarks on stderr; those that matter are raised here as DataError.
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)


def files_below(root: str) -> list[Path]:
    """Every NIfTI file below a folder, links followed; raises DataError.

    Hidden files and what others uploaded are left out.
    """
    if not root or not Path(root).expanduser().is_dir():
        raise DataError(f"There is no folder '{root}'; give the folder that holds the scans.")
    private, top = uploads().resolve(), Path(root).expanduser().resolve()
    if private in (top, *top.parents):
        raise DataError(f"'{root}' holds uploads of somebody; choose another folder.")
    found, seen, todo = [], set(), [Path(root).expanduser()]
    while todo:
        folder = todo.pop()
        try:
            state = folder.stat()
            if (state.st_dev, state.st_ino) in seen:  # a link back up would never end
                continue
            seen.add((state.st_dev, state.st_ino))
            with os.scandir(folder) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
        except OSError as error:
            raise DataError(
                f"The folder '{folder}' cannot be read ({error.strerror}); allow it or move it."
            ) from error
        inner = [Path(entry.path) for entry in visible if entry.is_dir()]
        todo += [path for path in inner if path.resolve() != private]
        found += [
            Path(entry.path)
            for entry in visible
            if entry.name.lower().endswith(SUFFIXES) and not entry.is_dir()
        ]
    return sorted(found)


def stem(path: PurePath) -> str:
    """The file name without .nii or .nii.gz.

    >>> stem(Path("a/scan.v2.nii.gz"))
    'scan.v2'
    """
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return name[: -len(".nii")]


def site_of(path: Path, root: str, case: str) -> str:
    """The first folder between root and file, "" where there is none or it is the case's own.

    >>> site_of(Path("r/UCSD/BraTS-1/BraTS-1-seg.nii"), "r", "BraTS-1")
    'UCSD'
    """
    folders = path.relative_to(Path(root).expanduser()).parts[:-1]
    return folders[0] if folders and not folders[0].startswith(case) else ""


def read_bytes(path: Path) -> bytes:
    """All bytes of a file; raises DataError."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"There is no file '{path}'; check the path.") from error
    except OSError as error:
        raise DataError(f"'{path}' cannot be read ({error.strerror}); check the file.") from error


def open_image(path: Path, data: bytes) -> nib.Nifti1Image:
    """The nibabel image of a file's bytes, in the file's own axis order.

    Raises DataError unless it is complete, 3D, of real numbers, and has a usable affine.
    """
    try:
        # Unpacking all of it checks length and CRC, which reading only the voxels does not.
        raw = gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
        if len(raw) < HEADER:
            raise ValueError("it is too short for a header" if raw else "it is empty")
        kind = nib.Nifti2Image if nib.Nifti2Header.may_contain_header(raw) else nib.Nifti1Image
        image = kind.from_bytes(raw)
    except EOFError as error:
        raise DataError(f"'{path}' is a truncated gzip file; copy or download it again.") from error
    except (
        OSError,
        ValueError,
        zlib.error,
        ImageFileError,
        HeaderDataError,
        WrapStructError,
    ) as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise DataError(
            f"'{path}' cannot be read as NIfTI ({reason}); copy or download it again."
        ) from error
    problem = _problem(image, len(raw))
    if problem:
        raise DataError(f"'{path}' {problem}")
    return image


def _problem(image: nib.Nifti1Image, size: int) -> str:
    """What is wrong with the image of an unpacked file of `size` bytes, or ""."""
    kind, affine = image.get_data_dtype(), image.affine
    shape = " x ".join(str(side) for side in image.shape)
    if kind.kind not in "iuf":
        what = "colours (RGB)" if kind.names else f"values of type {kind}"
        return f"holds {what}; give a scan of one real number a voxel."
    if image.ndim != 3 or min(image.shape) < 1:
        return f"has {image.ndim} dimensions ({shape}); give one 3D volume a file."
    short = image.dataobj.offset + math.prod(image.shape) * kind.itemsize - size
    if short > 0:
        return (
            f"ends {short} bytes before the {shape} voxels that its header announces; "
            f"copy or download it again."
        )
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        return "has an affine that is not finite or not invertible; correct its header."
    return ""
