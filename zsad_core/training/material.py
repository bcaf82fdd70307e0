"""What a setup learns from: drawn surfaces, slices of training subjects, or a 2D image set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from zsad_core.base.paths import typed
from zsad_core.base.progress import tracked
from zsad_core.errors import SettingError
from zsad_core.imaging import datasets, image_sets
from zsad_core.imaging.splits import registry
from zsad_core.imaging.splits.facts import facts_of
from zsad_core.imaging.splits.tables import check_groups
from zsad_core.methods.encoder import Encoder
from zsad_core.methods.learner import Examples, Learner
from zsad_core.training import examples, pictures
from zsad_core.types import DataSpec, Progress, Split, Subject

TEXTURES = 480
CLEAR = 1 / 3  # slices without lesion for each with one
KINDS = (*datasets.LAYOUTS, *image_sets.LAYOUTS)


@dataclass(frozen=True)
class Source:
    """`data` is a data set's name or a folder, "" for drawn surfaces; `kind` is one of KINDS.

    Kind "" follows from what lies in the folder. `subjects` and `slices` (with lesion, of each
    subject) are the most that are taken of scans, `images` of an image set; 0 images are as many as
    fit in memory, of drawn surfaces 480. Classes in `leave_out` are left out. `labels`,
    `split_name`, `contrast` and `region`, the class of every slice, are those of a `DataSpec`.
    """

    data: str = ""
    kind: str = ""
    modality: str = "t2f"
    subjects: int = 40
    slices: int = 40
    images: int = 0
    leave_out: tuple[str, ...] = ()
    labels: str = "auto"
    split_name: str = ""
    seed: int = 0
    contrast: str = ""
    region: str = DataSpec.region


@dataclass(frozen=True)
class Material:
    """Training and validation examples, and the names of what they were taken from.

    `rule` says what parts them, "" where both are drawn; `…_voxels` are digests of the scans, by
    which a copy under another name is known.
    """

    train: Examples
    held_out: Examples
    data: str
    train_ids: tuple[str, ...] = ()
    held_out_ids: tuple[str, ...] = ()
    rule: str = ""
    train_voxels: tuple[str, ...] = ()
    held_out_voxels: tuple[str, ...] = ()


def gather(source: Source, encoder: Encoder, learner: Learner, progress: Progress) -> Material:
    """Images, through the tower if it is frozen, and the text of their class; raises ZsadError."""
    encoder = replace(encoder, frozen=not learner.through_tower)
    if not source.data:
        material = _surfaces(source, encoder, progress)
    elif kind_of(source) == "scans":
        material = _scans(source, encoder, progress)
    else:
        material = _pictures(source, encoder, learner.plan.unmasked, progress)
    with encoder.turn():
        train = with_text(material.train, encoder, learner)
        held_out = with_text(material.held_out, encoder, learner)
    return replace(material, train=train, held_out=held_out)


def kind_of(source: Source) -> str:
    """ "scans", or the layout of an image set; raises SettingError for a folder that is not there.

    >>> kind_of(Source("demo"))
    'scans'
    """
    if source.data in datasets.DEMOS or source.kind in datasets.LAYOUTS:
        return "scans"
    if not typed(source.data).is_dir():
        raise SettingError(
            f"--data: there is no folder '{source.data}'; give demo, a root of scans or an image "
            "set."
        )
    return source.kind or image_sets.kind_of(typed(source.data)) or "scans"


def of_scans(
    data: DataSpec, modality: str, subjects: int = Source.subjects, slices: int = Source.slices
) -> Source:
    """Scans to learn from, under the split, labels and words of their data.

    >>> of_scans(DataSpec("bids", "/data/ms", "1,2"), "FLAIR").labels
    '1,2'
    """
    return Source(
        data=data.root or data.kind,
        kind=data.kind if data.root else "",
        labels=data.labels,
        split_name=data.split,
        contrast=data.contrast,
        region=data.region,
        modality=modality,
        subjects=subjects,
        slices=slices,
    )


def data_spec(source: Source) -> DataSpec:
    """The data of scans, those that `of_scans` was given; raises DataError for a folder without.

    >>> data = DataSpec("nnunet", "/data/met", split="main")
    >>> data_spec(of_scans(data, "FLAIR")) == data
    True
    """
    demo = source.data in datasets.DEMOS
    return DataSpec(
        source.data if demo else source.kind or datasets.layout_of(source.data),
        "" if demo else source.data,
        source.labels,
        source.split_name,
        source.contrast,
        source.region,
    )


def with_text(images: Examples, encoder: Encoder, learner: Learner) -> Examples:
    """One text where all images are of one class, else that of each image's class.

    None where text is what the learner learns.
    """
    if learner.learns_text:
        return images
    texts = {name: encoder.text(name) for name in sorted(set(images.classes))}
    text = np.stack([texts[name] for name in images.classes])
    return replace(images, text=text[0] if len(texts) == 1 else text)


def _surfaces(source: Source, encoder: Encoder, progress: Progress) -> Material:
    count = source.images or TEXTURES
    train = examples.of_textures(encoder, count, source.seed, progress)
    held_out = examples.of_textures(encoder, -(-count // 4), source.seed + 1, progress)
    return Material(train, held_out, f"drawn surfaces, {len(train.masks)} images")


def _scans(source: Source, encoder: Encoder, progress: Progress) -> Material:
    spec = data_spec(source)
    dataset = datasets.open_dataset(spec)
    train_on, hold_out = examples.split(dataset.subjects(), source.modality, source.subjects)
    voxels = _voxels(dataset, [*train_on, *hold_out], source.modality, progress)
    _check_copies(train_on, hold_out, voxels)
    choice = examples.SliceChoice("train", source.modality, source.slices, CLEAR, source.seed)
    other, region = replace(choice, split="validation"), spec.region
    return Material(
        examples.of_subjects(encoder, dataset, train_on, choice, region, progress),
        examples.of_subjects(encoder, dataset, hold_out, other, region, progress),
        f"{dataset.title}, {source.modality}",
        tuple(s.id for s in train_on),
        tuple(s.id for s in hold_out),
        _rule(spec, train_on[0]),
        *(tuple(voxels[s.id] for s in of_part) for of_part in (train_on, hold_out)),
    )


def _voxels(
    dataset: datasets.Dataset, subjects: Sequence[Subject], modality: str, progress: Progress
) -> dict[str, str]:
    """Digests of the subjects' voxels, by id; a scan is read where its digest is not known."""
    return {s.id: facts_of(dataset, s.id, modality).voxels for s in tracked(subjects, progress)}


def _check_copies(
    train: Sequence[Subject], held_out: Sequence[Subject], voxels: Mapping[str, str]
) -> None:
    """Raise SettingError where a scan to train on lies among those held out under another id."""
    parts: dict[str, Split] = {subject.id: "train" for subject in train}
    parts |= {subject.id: "validation" for subject in held_out}
    check_groups(parts, voxels, "scans of equal voxels")


def _rule(data: DataSpec, first: Subject) -> str:
    """What divides training from validation subjects, with the digest of a split."""
    if data.split:
        return f"split {data.split} ({registry.digest(data)})"
    return "the data's own split" if first.split else "every fifth patient, in order of names"


def _pictures(source: Source, encoder: Encoder, unmasked: bool, progress: Progress) -> Material:
    kind = kind_of(source)
    train_on, hold_out, rule = pictures.chosen(source.data, kind, source.leave_out, unmasked)
    count, room = len(train_on) + len(hold_out), encoder.room()
    most = min(source.images or room, room)
    of_train = max(most * len(train_on) // count, 1)
    train_on = image_sets.spread(train_on, of_train)
    hold_out = image_sets.spread(hold_out, max(most - of_train, 1))
    train_names, other_names = _names(train_on, hold_out)
    return Material(
        pictures.of_pictures(encoder, train_on, progress),
        pictures.of_pictures(encoder, hold_out, progress),
        f"{Path(source.data).name}, {image_sets.LAYOUTS[kind].title}, test part: "
        f"{len(train_on) + len(hold_out)} of {count} images",
        train_names,
        other_names,
        rule,
    )


def _names(*parts: Sequence[image_sets.Picture]) -> list[tuple[str, ...]]:
    """What names each part: its classes where no class is in both, else its groups."""
    classes = [{picture.class_name for picture in part} for part in parts]
    if classes[0] & classes[1]:
        classes = [{picture.group for picture in part} for part in parts]
    return [tuple(sorted(names)) for names in classes]
