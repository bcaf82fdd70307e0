"""BIDS: `sub-*/[ses-*/]anat/*_FLAIR.nii.gz`, masks beside the scans or in `derivatives`.

Names are entities and a suffix, sub-01_ses-1_acq-3d_FLAIR (https://bids-specification.readthedocs.io).
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from unicodedata import normalize

from zsad_core.errors import DataError
from zsad_core.imaging.datasets.cases import Case, Cases, lesion_labels
from zsad_core.imaging.datasets.files import files_below, listed, site_of, stem
from zsad_core.types import DataSpec

TITLE = "BIDS"
MASKS = ("mask", "dseg", "roi", "lesion")
NO_SCANS = ("defacemask", "probseg")
LESION = ("lesion", "tumor", "tumour", "wmh")  # in the name of a mask
OTHER_MASKS = ("brain", "aseg", "aparcaseg", "gm", "wm", "csf")  # values of `desc` and `label`
NOT_RAW = ("derivatives", "sourcedata", "code")


@dataclass(frozen=True)
class _Named:
    """A file by its name: whose it is, the other entities, and the suffix."""

    path: Path
    subject: str
    entities: tuple[str, ...]
    suffix: str
    raw: bool

    @property
    def contrast(self) -> str:
        """The suffix, with the contrast agent where there was one."""
        return "_".join([*(e for e in self.entities if e.startswith("ce-")), self.suffix])

    @property
    def spaces(self) -> tuple[str, ...]:
        """The space that it was resampled to, if any."""
        return tuple(entity for entity in self.entities if entity.startswith("space-"))

    @property
    def of_lesion(self) -> bool:
        """Whether its name says that it marks a lesion."""
        return any(word in stem(self.path).lower() for word in LESION)

    @property
    def of_other_tissue(self) -> bool:
        """Whether its name says that it marks the brain or its tissues."""
        values = [e.partition("-")[2].lower() for e in self.entities if e[:5] in ("desc-", "label")]
        return any(value in OTHER_MASKS for value in values)


def fits(root: Path, files: Iterable[Path]) -> bool:
    """Whether a scan is named and lies as BIDS has it."""
    return any(named and named.raw for named in (_named(path, root) for path in files))


def indexed(spec: DataSpec) -> Cases:
    """A subject for each `sub-` and session; its modalities are the suffixes of its scans.

    Its truth is the one mask (`_mask`, `_dseg`, `_roi`, `_lesion`) of that name; where some of the
    data set name a lesion, those alone. Every label above 0 is truth unless the spec names labels.
    Raises DataError if the folder is missing or holds no scan in an `anat` folder.
    """
    root = Path(spec.root).expanduser()
    files = [named for path in files_below(spec.root) if (named := _named(path, root))]
    if not any(named.raw for named in files):
        raise DataError(
            f"The folder '{spec.root}' holds no BIDS scan; name its files like "
            "sub-01/anat/sub-01_FLAIR.nii.gz, or open it as plain NIfTI files."
        )
    lesion = lesion_labels(spec.labels)
    cases = _cases(files, spec.root, lesion)
    title, names = f"BIDS in {root.resolve().name}", _label_names(root)
    return Cases(cases, title, label_names=names, lesion=lesion)


def _named(path: Path, root: Path) -> _Named | None:
    """A scan or a mask by its name, None for any other file."""
    relative = path.relative_to(root)
    parts = normalize("NFC", stem(path)).split("_")
    folders, suffix = relative.parts[:-1], parts[-1]
    raw = bool(folders) and folders[-1] == "anat" and not set(folders) & set(NOT_RAW)
    mask = suffix in MASKS
    if not parts[0].startswith("sub-") or len(parts) < 2 or suffix in NO_SCANS:
        return None
    if "-" in suffix or not (raw or mask):
        return None
    entities = [part for part in parts[1:-1] if not part.startswith("ses-")]
    session = [part for part in parts[1:-1] if part.startswith("ses-")]
    subject = "_".join([parts[0], *session])
    sites = takewhile(lambda name: name not in NOT_RAW and not name.startswith("sub-"), folders)
    return _Named(path, "/".join([*sites, subject]), tuple(entities), suffix, raw=raw and not mask)


def _label_names(root: Path) -> Mapping[int, str]:
    """Names of labels by the tables beside the derivatives, `dseg.tsv` with index and name."""
    names = {}
    for path in sorted(root.glob("derivatives/**/*dseg.tsv")):
        with path.open(encoding="utf-8", errors="replace", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                if (index := row.get("index") or "").isdecimal() and int(index) > 0:
                    names[int(index)] = row.get("name") or f"label {index}"
    return names


def _cases(files: Sequence[_Named], root: str, lesion: tuple[int, ...]) -> Iterator[Case]:
    scans: dict[str, list[_Named]] = defaultdict(list)
    masks: dict[str, list[_Named]] = defaultdict(list)
    named_lesions = any(named.of_lesion for named in files if named.suffix in MASKS)
    for named in files:
        if named.raw:
            scans[named.subject].append(named)
        elif named.of_lesion if named_lesions else not named.of_other_tissue:
            masks[named.subject].append(named)
    for name in {**scans, **masks}:
        yield _case(name, scans[name], masks[name], root, lesion)


def _case(
    name: str, scans: Sequence[_Named], masks: Sequence[_Named], root: str, lesion: tuple[int, ...]
) -> Case:
    spaces = {named.spaces for named in scans}
    masks = [named for named in masks if named.spaces in spaces] or masks
    modalities = _modalities(scans)
    problem = ""
    where = listed(named.path for named in masks)
    if not scans:
        problem = f"{where} has no scan of its subject and session; add one or take it away."
    elif len(masks) > 1:
        problem = (
            f"{name} has {len(masks)} masks, {where}; keep one, or name the lesion's "
            "'…_label-lesion_mask'."
        )
    elif len(modalities) < len(scans):
        problem = f"{name} has two scans of one name, .nii and .nii.gz; keep one of them."
    repeated = sorted(set(modalities) - {named.contrast for named in scans})
    return Case(
        name,
        modalities,
        masks[0].path if masks else None,
        lesion,
        problem=problem,
        notes=(f"Several scans of one contrast: {', '.join(repeated)}.",) if repeated else (),
        site=site_of((scans or masks)[0].path, root, "sub-"),
    )


def _modalities(scans: Sequence[_Named]) -> dict[str, Path]:
    """Scans by contrast; where one has several, by all entities."""
    count = Counter(named.contrast for named in scans)
    return {
        named.contrast
        if count[named.contrast] == 1
        else "_".join([*named.entities, named.suffix]): named.path
        for named in scans
    }
