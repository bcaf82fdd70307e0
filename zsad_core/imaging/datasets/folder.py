"""A plain folder of NIfTI scans of one contrast, each with a mask beside it or none."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from unicodedata import normalize

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.cases import Case, Cases, lesion_labels
from zsad_core.imaging.datasets.files import files_below, listed, site_of, stem
from zsad_core.types import DataSpec

TITLE = "plain NIfTI files"
MODALITY = "scan"  # where the contrast is not named
MASK = re.compile(r"(.+)[-_](?:seg|mask)", re.IGNORECASE | re.DOTALL)


def indexed(spec: DataSpec) -> Cases:
    """Scans below a folder; the mask of NAME.nii.gz is NAME_seg.nii.gz or NAME_mask.nii.gz.

    A subject's id is its path below the folder without suffix, letters and accents composed. Its
    modality is the contrast of the spec. Every label above 0 is truth unless the spec names labels.
    Raises DataError if the folder is missing or holds no scan.
    """
    lesion = lesion_labels(spec.labels)
    cases = _cases(spec.root, spec.contrast or MODALITY, lesion)
    return Cases(cases, f"Scans in {Path(spec.root).name}", lesion=lesion)


def fits(root: Path, files: Iterable[Path]) -> bool:
    """Whether there is any file."""
    return any(files)


def _cases(root: str, modality: str, lesion: tuple[int, ...]) -> Iterator[Case]:
    scans: dict[str, list[Path]] = defaultdict(list)
    masks: dict[str, list[Path]] = defaultdict(list)
    top = Path(root).expanduser()
    for path in files_below(root):
        name = normalize("NFC", path.relative_to(top).with_name(stem(path)).as_posix())
        match = MASK.fullmatch(name)
        (masks[match[1]] if match else scans[name]).append(path)
    if not scans and not masks:
        raise DataError(f"The folder '{root}' holds no .nii or .nii.gz file; choose another.")
    for name in {**scans, **masks}:
        seg, problem = next(iter(masks[name]), None), ""
        if not scans[name]:
            problem = f"'{seg}' is a mask without scan; put '{name}.nii.gz' there."
        for what, paths in (("scan", scans[name]), ("mask", masks[name])):
            if len(paths) > 1:
                where = listed(paths)
                problem = f"{name} has {len(paths)} {what}s, {where}; keep one of them."
        files = {modality: scans[name][0]} if scans[name] else {}
        site = site_of(top / name, root, "/")
        yield Case(name, files, seg, lesion, problem=problem, site=site)
