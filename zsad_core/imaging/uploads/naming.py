"""What names say: which subject a file is of, and which modality, or that it is a mask."""

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


def told(name: str) -> tuple[str, str]:
    """(subject, modality or "seg") of a NIfTI file by its path; a subject is a path as well.

    Files are of one subject only where the whole path says so, letter by letter in any script.

    >>> told("BraTS-MET-00001-000-t2f.nii.gz"), told("BraTS-MET-00001-000-seg.nii.gz")
    (('BraTS-MET-00001-000', 't2f'), ('BraTS-MET-00001-000', 'seg'))
    >>> told("a/head_FLAIR_mask.nii"), told("my scan!.nii")
    (('a/head', 'seg'), ('my scan!', 'scan'))
    >>> told("A/flair.nii"), told("seg.nii")
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
    """The name for a subject that `told` found: its own, else that of its folder or archive.

    >>> title("all.zip/a/head"), title("all.zip/a/"), title("a.zip/"), title("")
    ('head', 'a', 'a', 'scan')
    """
    *folders, own = subject.split("/")
    return clean(own or (folders[-1].removesuffix(".zip") if folders else ""))


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
    """A name of letters and digits of any script, and of - _ . between them.

    >>> clean("../<b>é ü</b>.."), clean("///"), clean("a" * 99) == "a" * 60
    ('b-é-ü-b', 'scan', True)
    """
    plain = "".join(
        one if is_letter(one) or one in "_.-" else "-" for one in normalize("NFC", name)
    )
    return re.sub("-+", "-", plain).strip("-_.")[:LONGEST].strip("-_.") or OTHER


def is_letter(character: str) -> bool:
    """Whether a character is a letter, a mark on one, or a digit, of any script.

    >>> [is_letter(one) for one in "é़7_\u202e"]
    [True, True, True, False, False]
    """
    return category(character)[0] in "LMN"


def _without_ending(base: str) -> tuple[str, str]:
    for modality, endings in ENDINGS.items():
        for ending in sorted(endings, key=len, reverse=True):
            found = re.fullmatch(rf"(?:(.*)[-_. ])?{ending}", base, re.IGNORECASE | re.DOTALL)
            if found:
                return found[1] or "", modality
    return base, OTHER
