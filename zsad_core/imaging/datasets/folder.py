"""A plain folder of NIfTI scans of one contrast, each with a mask beside it or none."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.cases import Case, Cases, lesion_labels
from zsad_core.imaging.datasets.files import files_below, site_of, stem
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
    lesion, modality = lesion_labels(spec.labels), spec.contrast or MODALITY
    cases = (replace(case, whole_tumour=lesion) for case in _cases(spec.root, modality))
    return Cases(cases, f"Scans in {Path(spec.root).name}", lesion=lesion)


def fits(root: Path, files: Iterable[Path]) -> bool:
    """Whether there is any file."""
    return any(files)


def _cases(root: str, modality: str) -> Iterator[Case]:
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
        site = site_of(top / name, root, "/")
        case = _case(name, modality, scans.get(name, []), masks.get(name, []))
        yield replace(case, site=site)


def _case(name: str, modality: str, scans: list[Path], masks: list[Path]) -> Case:
    problem = "" if scans else f"'{masks[0]}' is a mask without scan; put '{name}.nii.gz' there."
    for what, paths in (("scan", scans), ("mask", masks)):
        if len(paths) > 1:
            where = " and ".join(f"'{path}'" for path in paths)
            problem = f"{name} has {len(paths)} {what}s, {where}; keep one of them."
    seg = masks[0] if masks else None
    return Case(name, {modality: scans[0]} if scans else {}, seg, problem=problem)
