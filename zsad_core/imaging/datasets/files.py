"""Find NIfTI files and open them; a faulty file is refused, never repaired."""

import logging
import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import NoReturn

import nibabel as nib
import numpy as np
from isal import isal_zlib
from nibabel.arrayproxy import ArrayProxy

from zsad_core.base.paths import uploads
from zsad_core.base.wording import counted
from zsad_core.errors import DataError
from zsad_core.types import FloatArray

SUFFIXES = (".nii", ".nii.gz")
HEADER = 348  # bytes of the shortest NIfTI header
PIECE = 2**24  # bytes unpacked at a time
LARGEST = 2**31  # bytes of a file, unpacked
GZIP_MAGIC = b"\x1f\x8b"
MM = {"meter": 1e3, "micron": 1e-3}  # of a unit of length; one that is not named counts as mm
LEAN_DEGREES = 0.5  # headers round; by that much a voxel's volume is off by 4e-5
FLAT = 1e-6
SIDES_MM = (1e-4, 1e3)  # of a voxel
NO_AFFINE = "has an affine that is not finite or not invertible; correct its header."

# nibabel prints its header remarks on stderr; those that matter are raised here as DataError.
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)


def files_below(root: str) -> list[Path]:
    """NIfTI files below a folder, links followed, none hidden or uploaded; raises DataError."""
    top, private = Path(root).expanduser(), uploads().resolve()
    if not root or not top.is_dir():
        raise DataError(f"There is no folder '{root}'; give the folder that holds the scans.")
    if top.resolve().is_relative_to(private):
        raise DataError(f"'{root}' holds uploads of somebody; choose another folder.")
    files, seen = [], {private}
    for folder, inner, names in os.walk(top, onerror=_unreadable, followlinks=True):
        if (place := Path(folder).resolve()) in seen:  # a link back up would never end
            inner.clear()
            continue
        seen.add(place)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        files += [
            Path(folder, name)
            for name in names
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    return sorted(files)


def _unreadable(error: OSError) -> NoReturn:
    raise DataError(
        f"The folder '{error.filename}' cannot be read ({error.strerror}); allow it or move it."
    ) from error


def stem(path: PurePath) -> str:
    """The file name without .nii or .nii.gz.

    >>> stem(Path("a/scan.v2.nii.gz"))
    'scan.v2'
    """
    name = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
    return name[: -len(".nii")]


def as_text(name: str) -> str:
    r"""A name as text; bytes of a file system that are not UTF-8 are escaped.

    >>> as_text("M\udcfcller"), as_text("Müller")
    ('M\\xfcller', 'Müller')
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def name_problem(path: Path) -> str:
    """A sentence if the name of a file is not valid UTF-8, or ""."""
    shown = as_text(str(path))
    return "" if shown == str(path) else f"The name '{shown}' is no text (UTF-8); rename it."


def listed(paths: Iterable[Path]) -> str:
    """Paths in quotes, as a sentence lists them."""
    return " and ".join(f"'{path}'" for path in paths)


def site_of(path: Path, root: str, case: str) -> str:
    """The first folder between root and file, "" if there is none or it is the case's own.

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


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a library raises over a file's content into a DataError that names the file."""
    try:
        yield
    except DataError:
        raise
    except EOFError as error:
        raise DataError(f"'{path}' is a truncated gzip file; copy or download it again.") from error
    except Exception as error:  # hostile bytes raise whatever they reach in a parser
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise DataError(
            f"'{path}' cannot be read as NIfTI ({reason}); copy or download it again."
        ) from error


def open_image(path: Path, data: bytes, channel: int | None = None) -> nib.Nifti1Image:
    """The nibabel image of a file's bytes, 3D in the file's own axis order, its affine in mm.

    `channel` counts a file's volumes from 0; None takes a file of one. Raises DataError unless the
    file is complete, has the channel, real numbers, and axes at right angles.
    """
    with reading(path):
        raw = unpacked(data)
        if len(raw) < HEADER:
            raise ValueError("it is too short for a header" if raw else "it is empty")
        kind = nib.Nifti2Image if _is_nifti_2(raw) else nib.Nifti1Image
        slope, intercept = (float(_header(raw)[name]) for name in ("scl_slope", "scl_inter"))
        if slope and math.isfinite(slope) and not math.isfinite(intercept):
            raise DataError(f"'{path}' adds {intercept:g} to its values; correct scl_inter.")
        image = kind.from_bytes(raw)
        problem = _problem(image, len(raw), channel)
        if not problem:
            image = _in_mm(type(image)(_voxels(image, channel or 0), image.affine, image.header))
            problem = _axes_problem(image.affine)
    if problem:
        raise DataError(f"'{path}' {problem}")
    return image


def _voxels(image: nib.Nifti1Image, channel: int) -> ArrayProxy:
    """One volume (X, Y, Z) of an image of one or more; none is read yet."""
    whole, shape = image.dataobj, image.shape[:3]
    offset = whole.offset + channel * math.prod(shape) * whole.dtype.itemsize
    return ArrayProxy(whole.file_like, (shape, whole.dtype, offset, whole.slope, whole.inter))


def unpacked(data: bytes) -> bytes:
    """The bytes of a NIfTI file without their gzip; bytes after its last member are dropped.

    It unpacks in pieces and stops when the size exceeds what the header announces.
    Raises EOFError for a member that ends early, ValueError for one that is damaged or too large.

    >>> import gzip
    >>> unpacked(gzip.compress(b"a") + gzip.compress(b"b") + b"junk"), unpacked(b"plain")
    (b'ab', b'plain')
    """
    if not data.startswith(GZIP_MAGIC):
        return data
    content, most = bytearray(), 0
    while data.startswith(GZIP_MAGIC):
        member = isal_zlib.decompressobj(wbits=isal_zlib.MAX_WBITS | 16)
        while not member.eof:
            try:
                piece = member.decompress(data, PIECE)
            except isal_zlib.error as error:  # type: ignore[misc]  # its stub: an Exception
                raise ValueError("its gzip is damaged") from error
            data = member.unconsumed_tail
            if not piece and not data and not member.eof:
                raise EOFError
            content += piece
            most = most or _announced(bytes(content[:1024]))
            if len(content) > most:
                raise ValueError("it unpacks to far more than its header announces")
        data = member.unused_data
    return bytes(content)


def _is_nifti_2(start: bytes) -> bool:
    return bool(nib.Nifti2Header.may_contain_header(start))


def _header(start: bytes) -> nib.Nifti1Header:
    """The header at the start of an unpacked file, unchecked."""
    kind = nib.Nifti2Header if _is_nifti_2(start) else nib.Nifti1Header
    return kind(start[: kind.template_dtype.itemsize], check=False)


def _announced(start: bytes) -> int:
    """The most bytes that a file may have: twice the voxels of its header, and a margin."""
    if len(start) < HEADER:
        return PIECE
    if not nib.Nifti1Header.may_contain_header(start) and not _is_nifti_2(start):
        raise ValueError("it has no NIfTI header")
    header = _header(start)
    voxels = math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
    return min(PIECE + 2 * voxels, LARGEST)


def _in_mm(image: nib.Nifti1Image) -> nib.Nifti1Image:
    """The image with its affine in mm, whatever length its header counts in."""
    unit, _ = image.header.get_xyzt_units()
    if unit not in MM:
        return image
    scale = np.diag([MM[unit], MM[unit], MM[unit], 1])
    scaled = type(image)(image.dataobj, scale @ image.affine, image.header)
    return with_forms(scaled, image, scale)


def with_forms(
    image: nib.Nifti1Image, source: nib.Nifti1Image, scale: FloatArray
) -> nib.Nifti1Image:
    """The image with sform and qform of a source, times `scale` (4, 4), and mm in its header."""
    image.header.set_xyzt_units("mm")
    for name in ("sform", "qform"):
        affine, code = getattr(source, f"get_{name}")(coded=True)
        if code:
            getattr(image, f"set_{name}")(scale @ affine, int(code), update_affine=False)
        image.header[f"{name}_code"] = code
    return image


def _problem(image: nib.Nifti1Image, size: int, channel: int | None) -> str:
    """What is wrong with a channel of the image of an unpacked file of `size` bytes, or ""."""
    kind = image.get_data_dtype()
    shape = " x ".join(str(side) for side in image.shape)
    if kind.kind not in "iuf":
        what = "colours (RGB)" if kind.names else f"values of type {kind}"
        return f"holds {what}; give a scan of one real number a voxel."
    volumes = math.prod(image.shape[3:])
    if image.ndim < 3 or min(image.shape) < 1 or (channel is None and volumes > 1):
        return f"has {image.ndim} dimensions ({shape}); give one 3D volume a file."
    if channel is not None and channel >= volumes:
        return (
            f"has {counted(volumes, 'channel')} ({shape}) and no channel {channel}, counted from "
            "0; correct the list of channels or export the file again."
        )
    if not np.isfinite(image.affine).all():
        return NO_AFFINE
    least = int(image.header["sizeof_hdr"]) + 4
    if image.dataobj.offset < least:
        return (
            f"says that its voxels begin at byte {image.dataobj.offset}, inside its header of "
            f"{least}; correct vox_offset."
        )
    short = image.dataobj.offset + math.prod(image.shape) * kind.itemsize - size
    if short > 0:
        return (
            f"ends {short} bytes before the {shape} voxels that its header announces; copy or "
            "download it again."
        )
    return ""


def _axes_problem(affine: FloatArray) -> str:
    """What is wrong with a finite affine (4, 4) from voxel to mm, or ""."""
    steps = np.asarray(affine[:3, :3], np.float64)
    lengths = np.linalg.norm(steps, axis=0)  # of a voxel along each axis
    if not lengths.all():
        return NO_AFFINE
    if lengths.min() < SIDES_MM[0] or lengths.max() > SIDES_MM[1]:
        sides = " x ".join(f"{side:.3g}" for side in lengths)
        return f"has voxels of {sides} mm, which no scan has; correct its header."
    angles = (steps / lengths).T @ (steps / lengths)
    if abs(np.linalg.det(steps / lengths)) < FLAT:
        return NO_AFFINE
    lean = np.degrees(np.arcsin(min(np.abs(angles - np.eye(3)).max(), 1)))
    if lean > LEAN_DEGREES:
        return (
            f"has axes that lean {lean:.3g}° from right angles, as a tilted gantry leaves them; "
            "resample it onto a grid at right angles."
        )
    return ""
