"""What names say: which subject a file is of, and which modality, or that it is a mask."""

import re
from pathlib import Path
from unicodedata import combining, normalize

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


def told(name: str) -> tuple[str, str]:
    """(subject, modality or "seg") of a NIfTI file's name.

    >>> told("BraTS-MET-00001-000-t2f.nii.gz"), told("BraTS-MET-00001-000-seg.nii.gz")
    (('BraTS-MET-00001-000', 't2f'), ('BraTS-MET-00001-000', 'seg'))
    >>> told("head_FLAIR_mask.nii"), told("my scan!.nii")
    (('head', 'seg'), ('my-scan', 'scan'))
    >>> told("flair.nii"), told("seg.nii")
    (('scan', 't2f'), ('scan', 'seg'))
    """
    base = stem(Path(name))
    if base.lower() in ("seg", "mask"):
        return OTHER, SEG
    mask = MASK.fullmatch(base)
    subject, modality = _without_ending(mask[1] if mask else base)
    return clean(subject), SEG if mask else modality


def modality_in(words: str) -> str:
    """The modality that a free description speaks of, "scan" if none.

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
    """A name of letters, digits, - _ and . that begins and ends with a letter or digit.

    >>> clean("../<b>é ü</b>.."), clean("///"), clean("a" * 99) == "a" * 60
    ('b-e-u-b', 'scan', True)
    """
    name = "".join(one for one in normalize("NFKD", name) if not combining(one))  # é is e
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:LONGEST].strip("-_.") or OTHER


def _without_ending(base: str) -> tuple[str, str]:
    for modality, endings in ENDINGS.items():
        for ending in sorted(endings, key=len, reverse=True):
            found = re.fullmatch(rf"(?:(.*)[-_. ])?{ending}", base, re.IGNORECASE | re.DOTALL)
            if found:
                return found[1] or "", modality
    return base, OTHER
