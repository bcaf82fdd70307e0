"""Uploaded files and the members of uploaded zips, copied to disk within limits.

Names say what belongs together and are shown; on disk a file is named by its number.
"""

import gzip
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.files import GZIP_MAGIC, SUFFIXES
from zsad_core.imaging.uploads import limits
from zsad_core.imaging.uploads.naming import substituted

CHUNK = 2**20
DICM = b"DICM"
HEAD = 132  # of DICOM: a preamble of any 128 bytes, and its sign
END, END_64 = b"PK\x05\x06", b"PK\x06\x07"
END_SIZE, COMMENT = 22, 2**16
DIRECTORY = limits.ENTRIES * 512  # bytes of a zip's list of names
ENCRYPTED = 0x1
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError,
)  # fmt: skip
PACKED = (".zip", ".gz", ".tar", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst")

Named = tuple[str, IO[bytes]]


@dataclass(frozen=True)
class Arrival:
    """A file that arrived: its name as it may be shown, where it lies, NIfTI or DICOM.

    `origin` is its whole name as it was sent, with its folders and the zip that held it.
    """

    name: str
    path: Path
    kind: str
    origin: str = ""


def shown(name: str) -> str:
    """The name of a file without its folders, cut at 80 characters, "?" for unusual ones.

    >>> shown("../a/<b>|x\\n.nii")
    '?b??x?.nii'
    """
    return substituted(re.split(r"[\\/]", name)[-1], "_ .()+-", "?")[:80] or "?"


def kind_of(name: str, head: bytes) -> str:
    """The kind of a file: "nifti" by its name, "dicom" or "zip" by its first bytes, else "".

    A DICOMDIR is an index of files, not an image.

    >>> kind_of("A.NII.GZ", b""), kind_of("IM1", bytes(128) + b"DICM"), kind_of("a.txt", b"a")
    ('nifti', 'dicom', '')
    """
    if name.lower().endswith(SUFFIXES):
        return "nifti"
    if (head[128:HEAD] == DICM or _bare_dicom(head)) and not name.upper().endswith("DICOMDIR"):
        return "dicom"
    return "zip" if head[:4] in (b"PK\x03\x04", END) else ""


def _bare_dicom(head: bytes) -> bool:
    """Whether a file without preamble begins with an element of DICOM's group 2 or 8.

    >>> _bare_dicom(b"\\x08\\0\\x05\\0CS\\x0a\\0ISO_IR 100"), _bare_dicom(b"\\x08\\0\\x05\\0 text")
    (True, False)
    """
    if len(head) < 8:
        return False
    group, element = struct.unpack("<HH", head[:4])
    explicit, implicit = head[4:6].isalpha() and head[4:6].isupper(), head[5:8] == bytes(3)
    return group in (2, 8) and element <= 0x100 and (explicit or implicit)


def arrive(
    files: Sequence[Named], folder: Path, most: int
) -> tuple[list[Arrival], dict[str, list[str]]]:
    """Copy scans into a folder, at most `most` bytes in all, and list the refused files.

    Refused names are listed by the reason. An archive is taken whole or not at all.
    """
    arrivals: list[Arrival] = []
    refused: dict[str, list[str]] = {}
    for number, (name, source) in enumerate(files):
        stem = folder / f"{number:05d}"
        try:
            if len(arrivals) >= limits.ENTRIES:
                raise DataError(f"More than {limits.ENTRIES} files; use fewer at once.")
            arrived = _arrived(name, source, stem, most)
            most -= sum(arrival.path.stat().st_size for arrival in arrived)
            arrivals += arrived
        except DataError as error:
            refused.setdefault(str(error), []).append(shown(name))
            for path in folder.glob(f"{stem.name}.*"):
                path.unlink()
    return arrivals, refused


def _arrived(name: str, source: IO[bytes], stem: Path, most: int) -> list[Arrival]:
    kind = kind_of(name, source.read(HEAD))
    source.seek(0)
    if kind == "zip":
        return _members(name, source, stem, most)
    if not kind:
        raise DataError("Neither NIfTI (.nii, .nii.gz) nor DICOM nor a zip of them; use one.")
    path = stem.with_suffix(".file")
    _copy(source, path, most)
    return [Arrival(shown(name), path, kind, name)]


def _members(name: str, source: IO[bytes], stem: Path, most: int) -> list[Arrival]:
    """NIfTI and DICOM files of a zip; other files and nested archives are ignored."""
    members: list[Arrival] = []
    try:
        _check_directory(source)
        with zipfile.ZipFile(source) as archive:
            for number, info in enumerate(_regular(archive)):
                with archive.open(info) as member:
                    kind = kind_of(info.filename, member.read(HEAD))
                if kind not in ("nifti", "dicom"):
                    continue
                path = stem.with_suffix(f".{number:05d}")
                with archive.open(info) as member:
                    most -= _copy(member, path, most)
                origin = f"{name}/{info.filename}"
                members.append(Arrival(shown(info.filename), path, kind, origin))
    except UNREADABLE as error:
        raise DataError("Not a whole zip archive; pack or upload it again.") from error
    if not members:
        raise DataError("A zip without NIfTI or DICOM file; pack some into it.")
    return members


def _check_directory(source: IO[bytes]) -> None:
    """Refuse a zip whose list of names alone would fill the memory: zipfile reads it whole."""
    size = source.seek(0, 2)
    source.seek(max(0, size - COMMENT - END_SIZE - len(END_64) - 16))
    tail = source.read()
    at = tail.rfind(END)
    if at < 0 or len(tail) - at < END_SIZE:
        raise zipfile.BadZipFile
    (listed,) = struct.unpack_from("<L", tail, at + 12)
    if listed > DIRECTORY or END_64 in tail[max(0, at - 20) : at]:
        raise DataError(f"A zip of more than {limits.ENTRIES} files or 4 GB; pack fewer.")


def _regular(archive: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    """Members that are regular files and no archives; raises DataError for a suspicious zip."""
    infos = archive.infolist()
    if len(infos) > limits.ENTRIES:
        raise DataError(f"A zip of {len(infos)} files; at most {limits.ENTRIES} are read.")
    for info in infos:
        parts = re.split(r"[\\/]", info.orig_filename)
        if parts[0] == "" or ".." in parts or ":" in parts[0] or "\0" in info.orig_filename:
            raise DataError("A zip that names a place outside itself; pack it afresh.")
        mode = stat.S_IFMT(info.external_attr >> 16)
        if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DataError("A zip that holds a link or a device; pack the files themselves.")
        if info.flag_bits & ENCRYPTED:
            raise DataError("A zip with a password; pack it without.")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError("A zip with an unusual compression; pack it with deflate.")
    for info in infos:
        name = info.filename.lower()
        nested = name.endswith(PACKED) and not name.endswith(SUFFIXES)
        hidden = any(part.startswith((".", "__MACOSX")) for part in info.filename.split("/"))
        if not (info.is_dir() or nested or hidden):
            yield info


def _copy(source: IO[bytes], path: Path, most: int) -> int:
    """Copy a stream, stopping at the limit; returns its bytes. Raises DataError.

    DICOM without a preamble gets one.
    """
    size = 0
    with path.open("wb") as target:
        head = source.read(HEAD)
        if _bare_dicom(head):
            target.write(bytes(HEAD - len(DICM)) + DICM)
        for chunk in chain([head], iter(lambda: source.read(CHUNK), b"")):
            size += len(chunk)
            if size > limits.FILE:
                raise DataError(f"Holds a file of more than {limits.FILE // limits.MB} MB.")
            if size > most:
                raise DataError(
                    f"More than may be used at once or kept ({max(most, 0) / limits.MB:.0f} MB "
                    "left); use fewer files or remove some."
                )
            try:
                target.write(chunk)
            except OSError as error:
                raise DataError(f"Cannot be kept ({error.strerror}); try again later.") from error
    return size


def check_unpacked(path: Path) -> None:
    """Read through a gzip file without keeping it; raises DataError where it is too large."""
    with path.open("rb") as file:
        if file.read(2) != GZIP_MAGIC:
            return
    size = 0
    try:
        with gzip.open(path) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                if size > limits.UNPACKED:
                    raise DataError(
                        f"'{path}' unpacks to more than {limits.UNPACKED // limits.MB} MB; store "
                        "it as 16-bit numbers or crop it."
                    )
    except (OSError, EOFError, zlib.error):
        return  # damaged: the reader says how
