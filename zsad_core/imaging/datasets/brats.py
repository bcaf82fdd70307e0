"""BraTS folders: MET and GLI in the naming of 2021 and of 2023 to 2026, and the demo's naming.

Labels (official scorers): 2021 and before 1 necrosis, 2 oedema, 4 enhancing; from 2023 on
1 NETC, 2 SNFH, 3 ET, 4 RC. A resection cavity (RC) is not part of the whole tumour.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.cases import SEG, WHOLE_TUMOUR, Case, Cases, case_of, lesion_labels
from zsad_core.imaging.datasets.files import files_below, site_of, stem
from zsad_core.types import DataSpec

TITLE = "BraTS (MET, GLI; 2021 to 2026 naming)"
MODALITIES = ("t2f", "t1c", "t1n", "t2w")
OLD_NAMES = {"flair": "t2f", "t1ce": "t1c", "t1": "t1n", "t2": "t2w"}
CAVITY = 4
ALLOWED = {"2021": (0, 1, 2, 4), "2023": (0, 1, 2, 3, CAVITY)}
COMMON = {1: "necrotic core", 2: "oedema, infiltration"}
NAMES = {  # of labels, by what may occur
    ALLOWED["2021"]: COMMON | {4: "enhancing"},
    ALLOWED["2023"]: COMMON | {3: "enhancing", CAVITY: "resection cavity"},
}
# Inside the whole tumour these are unambiguous: 2021 calls enhancing tumour 4, 2023 calls it 3.
LABEL_NAMES = COMMON | {3: "enhancing", 4: "enhancing"}
ANY_LABELS = LABEL_NAMES | {4: "enhancing (2021) or resection cavity (from 2023)"}
CAVITY_NOTE = "Holds a resection cavity (label 4), which is not part of the whole tumour."
EXPECTED = "BraTS-MET-00001-000-t2f.nii.gz or BraTS2021_00001_flair.nii.gz"
NEW = re.compile(r"((?:BraTS|DEMO)-.+)-(t2f|t1c|t1n|t2w|seg)", re.IGNORECASE | re.DOTALL)
OLD = re.compile(r"(BraTS[^-]+)_(flair|t1ce|t1|t2|seg)", re.IGNORECASE)


def indexed(spec: DataSpec) -> Cases:
    """BraTS cases anywhere below a folder, recognised by their file names.

    Raises DataError if the folder is missing or holds no case.
    """
    cases = tuple(_cases(spec))
    synthetic = all(case.id.upper().startswith("DEMO") for case in cases)
    names = LABEL_NAMES if spec.labels in ("auto", *ALLOWED) else ANY_LABELS
    conventions = {case.allowed for case in cases}
    if names is LABEL_NAMES and len(conventions) == 1:
        names = NAMES[conventions.pop() or ()]
    lesion = () if all(case.by_name for case in cases) else lesion_labels(spec.labels)
    return Cases(cases, f"BraTS in {Path(spec.root).name}", synthetic, names, lesion)


def fits(root: Path, files: Iterable[Path]) -> bool:
    """Whether one of the files is named as BraTS names them."""
    return any(_parsed(stem(path)) for path in files)


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
        convention = spec.labels if spec.labels in ALLOWED else conventions[case]
        lesion = lesion_labels(spec.labels, ALLOWED[convention]) or WHOLE_TUMOUR[convention]
        scans = {modality: parts[modality] for modality in MODALITIES if modality in parts}
        yield replace(
            case_of(case, scans, parts.get(SEG, ()), MODALITIES),
            whole_tumour=lesion,
            allowed=ALLOWED[convention],
            label_notes={} if CAVITY in lesion else {CAVITY: CAVITY_NOTE},
            site=site_of(next(iter(parts.values()))[0], spec.root, case),
            by_name=lesion == WHOLE_TUMOUR[conventions[case]],
        )


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
