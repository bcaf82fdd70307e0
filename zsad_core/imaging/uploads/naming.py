"""File names of uploads: the subject, and the modality or that the file is a mask."""

import re
from pathlib import PurePosixPath
from unicodedata import category, normalize

from zsad_core.imaging.datasets.cases import SEG
from zsad_core.imaging.datasets.files import stem
from zsad_core.imaging.datasets.folder import MASK

ENDINGS = {
    "t2f": ("t2f", "flair", "t2flair", "t2-flair", "t2_flair"),
    "t1c": ("t1c", "t1ce", "t1gd"),
    "t1n": ("t1n", "t1", "t1w"),
    "t2w": ("t2w", "t2"),
}
OTHER = "scan"
LONGEST = 60
CONTRAST = re.compile(r"t1\W?c|ce\b|gd|gado|post|contrast|km\b")


def parse_name(name: str) -> tuple[str, str]:
    """(subject, modality or "seg") of a NIfTI file by its path; the subject includes the folder.

    Files belong to the same subject only if their subjects are equal in every character.

    >>> parse_name("BraTS-MET-00001-000-t2f.nii.gz"), parse_name("BraTS-MET-00001-000-seg.nii.gz")
    (('BraTS-MET-00001-000', 't2f'), ('BraTS-MET-00001-000', 'seg'))
    >>> parse_name("a/head_FLAIR_mask.nii"), parse_name("my scan!.nii")
    (('a/head', 'seg'), ('my scan!', 'scan'))
    >>> parse_name("A/flair.nii"), parse_name("seg.nii")
    (('A/', 't2f'), ('', 'seg'))
    """
    path = PurePosixPath(normalize("NFC", name).replace("\\", "/"))
    base = stem(path)
    folder = str(path)[: -len(path.name)]
    if base.lower() in ("seg", "mask"):
        return folder, SEG
    mask = MASK.fullmatch(base)
    subject, modality = _without_ending(mask[1] if mask else base)
    return folder + subject, SEG if mask else modality


def title(subject: str) -> str:
    """The name of a subject of `parse_name`: its own, else that of its folder or archive.

    >>> title("all.zip/a/head"), title("all.zip/a/"), title("a.zip/"), title("")
    ('head', 'a', 'a', 'scan')
    """
    *folders, own = subject.split("/")
    return clean(own or (folders[-1].removesuffix(".zip") if folders else ""))


def modality_in(words: str) -> str:
    """The modality that a free description names, "scan" if none.

    >>> modality_in("AX T2 FLAIR"), modality_in("T1 MPRAGE post Gd"), modality_in("Doe^John")
    ('t2f', 't1c', 'scan')
    """
    words = words.lower()
    if "flair" in words:
        return "t2f"
    if "t1" in words:
        return "t1c" if CONTRAST.search(words) else "t1n"
    return "t2w" if "t2" in words else OTHER


def clean(name: str) -> str:
    """The name with letters and digits of any script, and - _ . between them.

    >>> clean("../<b>é ü</b>.."), clean("///"), clean("a" * 99) == "a" * 60
    ('b-é-ü-b', 'scan', True)
    """
    joined = re.sub("-+", "-", substituted(name, "_.-", "-"))
    return joined.strip("-_.")[:LONGEST].strip("-_.") or OTHER


def substituted(name: str, marks: str, substitute: str) -> str:
    """The name with a substitute for every character but marks, letters and digits of any script.

    >>> substituted("é़7_\u202e", "_", "?")
    'é़7_?'
    """
    return "".join(
        character if category(character)[0] in "LMN" or character in marks else substitute
        for character in normalize("NFC", name)
    )


def _without_ending(base: str) -> tuple[str, str]:
    for modality, endings in ENDINGS.items():
        for ending in sorted(endings, key=len, reverse=True):
            match = re.fullmatch(rf"(?:(.*)[-_. ])?{ending}", base, re.IGNORECASE | re.DOTALL)
            if match:
                return match[1] or "", modality
    return base, OTHER
