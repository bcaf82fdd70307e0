"""What a setup learns from: drawn surfaces, or slices of training subjects."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zsad_core import datasets
from zsad_core.errors import SettingError
from zsad_core.training import examples
from zsad_core.training.learner import Examples, Learner
from zsad_core.types import DataSpec, Progress

TEXTURES = 480
CLEAR = 1 / 3  # slices without lesion for each with one


@dataclass(frozen=True)
class Source:
    """`data` is a data set's name or a BraTS root, "" for drawn surfaces.

    At most so many subjects, and slices with lesion of each.
    """

    data: str = ""
    modality: str = "t2f"
    subjects: int = 40
    slices: int = 40
    seed: int = 0


@dataclass(frozen=True)
class Material:
    """Training and validation examples, and the names of what they were taken from."""

    train: Examples
    held_out: Examples
    data: str
    train_ids: tuple[str, ...] = ()
    held_out_ids: tuple[str, ...] = ()


def gather(
    source: Source, encoder: examples.Encoder, learner: Learner, progress: Progress
) -> Material:
    """Images, through the tower if it is frozen, and the text of their class; raises ZsadError."""
    encoder = replace(encoder, frozen=not learner.through_tower)
    found = (_scans if source.data else _surfaces)(source, encoder, progress)
    train, held_out = _with_text(found.train, learner), _with_text(found.held_out, learner)
    return replace(found, train=train, held_out=held_out)


def _with_text(examples: Examples, learner: Learner) -> Examples:
    """One text where all images are of one class, else that of each image's class."""
    texts = {name: learner.text(name) for name in sorted(set(examples.classes))}
    of_each = [text for name in examples.classes if (text := texts[name]) is not None]
    if not of_each:
        return examples
    return replace(examples, text=of_each[0] if len(texts) == 1 else np.stack(of_each))


def data_spec(name: str) -> DataSpec:
    """A data set's name, or a folder in BraTS's layout; raises SettingError."""
    if name in ("demo", "demo-2mm"):
        return DataSpec(name)
    if not Path(name).is_dir():
        raise SettingError(f"--data: there is no folder '{name}'; give demo or a BraTS root.")
    return DataSpec("brats", name)


def _surfaces(source: Source, encoder: examples.Encoder, progress: Progress) -> Material:
    train = examples.of_textures(encoder, TEXTURES, source.seed, progress)
    held_out = examples.of_textures(encoder, TEXTURES // 4, source.seed + 1, progress)
    return Material(train, held_out, f"drawn surfaces, {len(train.masks)} images")


def _scans(source: Source, encoder: examples.Encoder, progress: Progress) -> Material:
    dataset = datasets.open_dataset(data_spec(source.data))
    train_on, hold_out = examples.split(dataset.subjects(), source.modality, source.subjects)
    choice = examples.Choice("train", source.modality, source.slices, CLEAR, source.seed)
    other = replace(choice, split="validation")
    return Material(
        examples.of_subjects(encoder, dataset, train_on, choice, progress),
        examples.of_subjects(encoder, dataset, hold_out, other, progress),
        f"{dataset.title}, {source.modality}",
        tuple(s.id for s in train_on),
        tuple(s.id for s in hold_out),
    )
