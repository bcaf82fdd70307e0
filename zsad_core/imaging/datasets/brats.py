"""BraTS folders: MET and GLI in the naming of 2021 and of 2023 to 2026, and the demo's naming.

Labels (official scorers): 2021 and before 1 necrosis, 2 oedema, 4 enhancing; from 2023 on
1 NETC, 2 SNFH, 3 ET, 4 RC. A resection cavity (RC) is not part of the whole tumour.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.cases import SEG, Case, Cases
from zsad_core.imaging.datasets.files import files_below, site_of, stem
from zsad_core.types import DataSpec

MODALITIES = ("t2f", "t1c", "t1n", "t2w")
OLD_NAMES = {"flair": "t2f", "t1ce": "t1c", "t1": "t1n", "t2": "t2w"}
CAVITY = 4
LABELS = {"2021": ((1, 2, 4), (0, 1, 2, 4)), "2023": ((1, 2, 3), (0, 1, 2, 3, CAVITY))}
CAVITY_NOTE = "Holds a resection cavity (label 4), which is not part of the whole tumour."
EXPECTED = "BraTS-MET-00001-000-t2f.nii.gz or BraTS2021_00001_flair.nii.gz"
NEW = re.compile(r"((?:BraTS|DEMO)-.+)-(t2f|t1c|t1n|t2w|seg)", re.IGNORECASE)
OLD = re.compile(r"(BraTS[^-]+)_(flair|t1ce|t1|t2|seg)", re.IGNORECASE)


def indexed(spec: DataSpec) -> Cases:
    """BraTS cases anywhere below a folder, recognised by their file names.

    Raises DataError if the folder is missing or holds no case.
    """
    cases = tuple(_cases(spec))
    synthetic = all(case.id.upper().startswith("DEMO") for case in cases)
    return Cases(cases, f"BraTS in {Path(spec.root).name}", synthetic)


def _cases(spec: DataSpec) -> Iterator[Case]:
    files: dict[str, dict[str, list[Path]]] = defaultdict(lambda: defaultdict(list))
    conventions: dict[str, str] = {}
    for path in files_below(spec.root):
        if parsed := _parsed(normalize("NFC", stem(path))):
            case, content, conventions[case] = parsed
            files[case][content].append(path)
    if not files:
        raise DataError(
            f"The folder '{spec.root}' holds no BraTS case; name its files like {EXPECTED}, "
            "or open it as plain NIfTI files."
        )
    for case, parts in files.items():
        labels = conventions[case] if spec.labels == "auto" else spec.labels
        site = site_of(next(iter(parts.values()))[0], spec.root, case)
        by_name = labels == conventions[case]
        yield replace(_case(case, parts, labels), site=site, by_name=by_name)


def _parsed(name: str) -> tuple[str, str, str] | None:
    """(case, modality or "seg", label convention) of a file name, or None.

    >>> _parsed("BraTS2021_00001_t1ce"), _parsed("BraTS-MET-00001-000-seg")
    (('BraTS2021_00001', 't1c', '2021'), ('BraTS-MET-00001-000', 'seg', '2023'))
    """
    if match := NEW.fullmatch(name):
        return match[1], match[2].lower(), "2023"
    if match := OLD.fullmatch(name):
        content = match[2].lower()
        return match[1], OLD_NAMES.get(content, content), "2021"
    return None


def _case(name: str, parts: dict[str, list[Path]], labels: str) -> Case:
    scans = {modality: parts[modality][0] for modality in MODALITIES if modality in parts}
    seg = parts[SEG][0] if SEG in parts else None
    whole_tumour, allowed = LABELS[labels]
    missing = [modality for modality in MODALITIES if modality not in scans]
    notes = (f"Has no {', '.join(missing)}.",) if missing and scans else ()
    problem = "" if scans else f"'{seg}' has no scan of its case; add one or take it away."
    for content, paths in parts.items():
        if len(paths) > 1:
            where = " and ".join(f"'{path}'" for path in paths)
            problem = f"{name} has {content} {len(paths)} times, {where}; keep one of them."
    label_notes = {} if CAVITY in whole_tumour else {CAVITY: CAVITY_NOTE}
    return Case(name, scans, seg, whole_tumour, allowed, problem, notes, label_notes)
