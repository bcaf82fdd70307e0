"""The data that a command names: the demo, a remembered root, or a folder by its file names."""

import argparse
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from zsad_core.base import settings
from zsad_core.errors import DataError
from zsad_core.imaging import datasets
from zsad_core.imaging.datasets.cases import lesion_labels
from zsad_core.imaging.datasets.folder import MODALITY
from zsad_core.types import DataSpec

DATA = "demo|demo-2mm|ROOT"


def add_meaning(
    parser: argparse.ArgumentParser, kinds: Iterable[str] = tuple(datasets.LAYOUTS)
) -> None:
    """The options that say how a root is read; each is "" or None where it is not given."""
    parser.add_argument(
        "--kind",
        choices=list(kinds),
        default="",
        help="layout of a ROOT; by default as it was added in the app, else by its file names",
    )
    parser.add_argument(
        "--labels",
        type=_labels,
        metavar="auto|2021|2023|1,2",
        help="labels of a ROOT that are the lesion: those chosen in the app, else BraTS's whole "
        "tumour (by file names or a year), of other data all",
    )
    parser.add_argument(
        "--region",
        default="",
        metavar="WORD",
        help="what the scans of a ROOT show, the class name of prompts; brain by default",
    )
    parser.add_argument(
        "--modality",
        default="",
        help="t2f by default, or the first; of plain files the name of their contrast",
    )


def chosen(parsed: argparse.Namespace, root: str) -> DataSpec:
    """The data of a root under the options of `add_meaning`, without a split; raises DataError."""
    spec = replace(named(root) if parsed.kind else data_of(root), split="")
    if not spec.root:
        return spec
    spec = replace(spec, kind=parsed.kind or spec.kind)
    contrast = parsed.modality if spec.kind == "folder" and parsed.modality != MODALITY else ""
    return replace(
        spec,
        labels=parsed.labels or spec.labels,
        region=parsed.region or spec.region,
        contrast=contrast or spec.contrast,
    )


def modality_of(data: DataSpec, name: str) -> str:
    """The modality of that name, without one the usual one of the data."""
    return name or datasets.usual_modality(data)


def data_of(root: str) -> DataSpec:
    """The data of a root as remembered, else by its files; DataError without folder or scan."""
    data = named(root)
    if not data.root:
        return data
    for spec in settings.data_roots().values():
        if spec.root == data.root:
            return spec
    data = settings.resolved(data)
    return replace(data, kind=datasets.layout_of(data.root))


def named(root: str) -> DataSpec:
    """The data of a root that may be missing; the kind of a folder is not looked at."""
    if root in datasets.DATASETS and not (root in datasets.LAYOUTS or DataSpec(root).private):
        return DataSpec(root)
    return DataSpec("folder", str(Path(root).expanduser().resolve()))


def _labels(text: str) -> str:
    try:
        lesion_labels(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text
