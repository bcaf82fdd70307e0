"""nnU-Net's raw data sets (v1 and v2) and those of the Medical Segmentation Decathlon.

Both hold `imagesTr`, `labelsTr` and `dataset.json`. nnU-Net has a file for each channel,
CASE_0000.nii.gz, and the Decathlon one for all, channels last (nnU-Net's `dataset_format.md`;
Antonelli et al. 2022, https://doi.org/10.1038/s41467-022-30695-9).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from unicodedata import normalize

import pydantic

from zsad_core.base.wording import problem_of
from zsad_core.errors import DataError
from zsad_core.imaging.datasets.cases import Case, Cases, case_of, lesion_labels
from zsad_core.imaging.datasets.files import SUFFIXES, files_below, read_bytes, stem
from zsad_core.types import DataSpec

TITLE = "nnU-Net or Medical Segmentation Decathlon"
TRAINING = "imagesTr"
LABELS_OF = {TRAINING: "labelsTr", "imagesTs": "labelsTs"}
CHANNEL = re.compile(r"(.+)_(\d{4})", re.DOTALL)
IGNORED_NOTE = "Holds label {} (ignore), which counts as healthy here."


class Description(pydantic.BaseModel):
    """What is read of `dataset.json`; the Decathlon and nnU-Net v1 name channels `modality`."""

    channels: dict[int, str] = pydantic.Field(
        {}, validation_alias=pydantic.AliasChoices("channel_names", "modality")
    )
    labels: dict[int, str] | dict[str, int | list[int]] = {}  # before v2, and since
    file_ending: str = SUFFIXES[-1]

    @property
    def label_names(self) -> dict[int, str]:
        """Every label above 0 with its name; one that stands in regions alone is a number."""
        names: dict[int, str] = {}
        for key, value in self.labels.items():
            if isinstance(key, int):
                names[key] = str(value)
            elif isinstance(value, int):
                names[value] = key
            elif isinstance(value, list):
                names |= {label: f"label {label}" for label in value if label not in names}
        return {label: names[label] for label in sorted(names) if label > 0}


@dataclass
class _Files:
    """Of one case the files of each channel, those of its labels, and channels within a file."""

    scans: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    labels: list[Path] = field(default_factory=list)
    channels: dict[str, int] = field(default_factory=dict)


def fits(root: Path, files: Iterable[Path]) -> bool:
    """Whether there is a file in `imagesTr`."""
    return any(path.parent == root / TRAINING for path in files)


def indexed(spec: DataSpec) -> Cases:
    """The cases of `imagesTr` and `imagesTs`; their modalities are the channels by name.

    The lesion is every label of `dataset.json` but `ignore`, unless the spec names labels. Raises
    DataError if the folder is missing, holds no case, or has a `dataset.json` that is not valid.
    """
    root = Path(spec.root).expanduser()
    files = files_below(spec.root)
    described = _described(root / "dataset.json")
    if not fits(root, files):
        raise DataError(
            f"The folder '{spec.root}' holds no NIfTI file in {TRAINING}; give the folder of one "
            f"data set, such as Dataset001_NAME, with files that end in .nii or .nii.gz (its "
            f"dataset.json says '{described.file_ending}')."
        )
    names = described.label_names
    chosen = lesion_labels(spec.labels, names or range(256))
    own = tuple(label for label, name in names.items() if name != "ignore")
    cases, kind = _files(root, files, described.channels)
    return Cases(
        _cases(cases, described, chosen or own),
        f"{kind} in {root.resolve().name}",
        label_names=names,
        lesion=() if chosen == own else chosen,
    )


def _described(path: Path) -> Description:
    """What `dataset.json` says, nothing where there is none; raises DataError."""
    if not path.exists():
        return Description.model_validate({})
    try:
        return Description.model_validate_json(read_bytes(path))
    except pydantic.ValidationError as error:
        raise DataError(f"'{path}' cannot be read ({problem_of(error)}); correct it.") from error


def _files(
    root: Path, files: Iterable[Path], names: Mapping[int, str]
) -> tuple[dict[str, _Files], str]:
    """The files by case, and whose way of storing channels it is."""
    folders = (*LABELS_OF, *LABELS_OF.values())
    within = {folder: [p for p in files if p.parent == root / folder] for folder in folders}
    labelled = {stem(path) for path in within[LABELS_OF[TRAINING]]}
    together = any(stem(path) in labelled for path in within[TRAINING])
    cases: dict[str, _Files] = defaultdict(_Files)
    for images, labels in LABELS_OF.items():
        for path in within[labels]:
            cases[normalize("NFC", stem(path))].labels.append(path)
        for path in within[images]:
            name = normalize("NFC", stem(path))
            match = None if together else CHANNEL.fullmatch(name)
            case = cases[match[1] if match else name]
            for channel in [int(match[2])] if match else names or [0]:
                modality = names.get(channel, f"channel {channel}")
                case.scans[modality].append(path)
                if not match and len(names) > 1:
                    case.channels[modality] = channel
    return cases, "Decathlon data" if together else "nnU-Net data"


def _cases(
    cases: Mapping[str, _Files], described: Description, lesion: tuple[int, ...]
) -> Iterator[Case]:
    names = described.label_names
    ignored = [label for label, name in names.items() if name == "ignore" and label not in lesion]
    for name, files in cases.items():
        yield replace(
            case_of(name, files.scans, files.labels, described.channels.values(), "labels"),
            whole_tumour=lesion,
            allowed=(0, *names) if names else None,
            label_notes={label: IGNORED_NOTE.format(label) for label in ignored},
            channels=files.channels,
        )
