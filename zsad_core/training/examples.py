"""What the learned part trains on: slices of training subjects, or drawn surfaces with defects.

Every image passes the frozen tower once; its tokens stay in memory as float16, at most `BYTES`.
Where something is learned inside the tower, the images themselves stay instead.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zsad_core import backbones, methods
from zsad_core.base.jobs import Turn
from zsad_core.errors import SettingError
from zsad_core.imaging import datasets, slicing
from zsad_core.imaging.splits import patient_of
from zsad_core.methods.encoder import BYTES, Encoder, Features
from zsad_core.methods.learner import Examples
from zsad_core.setups import Setup
from zsad_core.training import textures
from zsad_core.types import (
    ByteArray,
    DataSpec,
    MaskArray,
    Precision,
    Progress,
    SliceStack,
    Split,
    Subject,
)

BATCH = 8
LEAST_BRAIN = 0.1  # of the largest slice's brain area; less shows too little to learn from


@dataclass(frozen=True)
class SliceChoice:
    """Which slices: split, modality, most with lesion per subject, and times as many without."""

    split: Split = "train"
    modality: str = "t2f"
    most: int = 20
    clear: float = 1.0
    seed: int = 0


def open_encoder(
    entry: Setup,
    device: str,
    side: int = 0,
    precision: Precision = "float32",
    turn: Turn = nullcontext,
) -> Encoder:
    """The encoder of a setup's method on its backbone; side 0 is the input's side.

    Raises WeightsError where the backbone is missing.
    """
    chosen = methods.slice_method(entry.method, entry.options)
    tower = backbones.load(entry.backbone, device, precision)
    recipe = chosen.recipe(tower.info)
    return Encoder(chosen, tower, recipe, side or recipe.image_size, turn=turn)


def check_split(
    dataset: datasets.Dataset, subjects: Sequence[str], allowed: Split = "train"
) -> None:
    """Raise SettingError for ids of another split, test above all; "" is data without splits."""
    splits = {subject.id: subject.split for subject in dataset.subjects()}
    for name in subjects:
        part = splits.get(name, "unknown")
        if part not in (allowed, ""):
            raise SettingError(
                f"{name} is a subject of split '{part}' and must not serve as {allowed} data; "
                "leave it out."
            )


def split(
    subjects: Sequence[Subject], modality: str, most: int
) -> tuple[list[Subject], list[Subject]]:
    """Training and validation subjects that can be used, at most `most` and most / 2 of them.

    Where the data have no split, every fifth patient is held out with all time points. Raises
    SettingError without any.
    """
    usable = [s for s in subjects if s.evaluable(modality)]
    train = [s for s in usable if s.split == "train"]
    held_out = [s for s in usable if s.split == "validation"]
    if not any(s.split for s in subjects):
        patients = list(dict.fromkeys(patient_of(s.id) for s in usable))
        fifth = set(patients[4::5])
        train = [s for s in usable if patient_of(s.id) not in fifth]
        held_out = [s for s in usable if patient_of(s.id) in fifth]
    if not train or not held_out:
        raise SettingError(
            f"{len(train)} training and {len(held_out)} validation subjects with a segmentation "
            f"and {modality} were found; at least one of each is needed."
        )
    return train[:most], held_out[: max(most // 2, 1)]


def of_subjects(
    encoder: Encoder,
    dataset: datasets.Dataset,
    subjects: Sequence[Subject],
    choice: SliceChoice,
    region: str = DataSpec.region,
    progress: Progress | None = None,
) -> Examples:
    """Slices of a region with and without lesion of each subject; the mask is the lesion.

    Raises SettingError if one is of another split, they need too much memory, or none has a lesion,
    and DataError if a scan cannot be read.
    """
    check_split(dataset, [subject.id for subject in subjects], choice.split)
    most = min(choice.most, int(encoder.room() / (1 + choice.clear)) // max(len(subjects), 1))
    if most < 1:
        raise SettingError(f"{len(subjects)} subjects exceed {BYTES // 2**30} GB; use fewer.")
    features, masks = list[Features](), []
    for done, subject in enumerate(subjects):
        if progress:
            progress(done, len(subjects))
        stack = slicing.to_slices(dataset.load(subject.id, choice.modality))
        if stack.truth is None:
            continue
        chosen = balanced(stack, replace(choice, most=most))
        features.append(_encode(encoder, stack.image[chosen]))
        masks.append(squashed(stack.truth[chosen], encoder.side))
    if not masks or not any(mask.any() for mask in masks):
        raise SettingError(
            "No slice of these subjects holds a lesion, so there is nothing to learn."
        )
    tokens, first = joined(features)
    return Examples(tokens, np.concatenate(masks), first, classes=(region,) * len(tokens))


def balanced(stack: SliceStack, choice: SliceChoice) -> NDArray[np.int64]:
    """Indices of at most `choice.most` slices with lesion, and of those without, ascending."""
    rng = np.random.default_rng([choice.seed, len(stack.image)])
    area, lesion = stack.brain.sum(axis=(1, 2)), np.any(stack.truth, axis=(1, 2))
    with_lesion = _drawn(rng, np.flatnonzero(lesion), choice.most)
    clear = np.flatnonzero(~lesion & (area >= LEAST_BRAIN * area.max()))
    without = _drawn(rng, clear, max(round(len(with_lesion) * choice.clear), 1))
    return np.sort(np.concatenate([with_lesion, without]))


def of_textures(
    encoder: Encoder, count: int, seed: int, progress: Progress | None = None
) -> Examples:
    """`count` drawn surfaces, about two in three with defects; the mask is any defect."""
    count = min(count, encoder.room())
    bank = textures.bank(count, encoder.tower.info.image_size, seed, progress)
    tokens, first = _encode(encoder, bank.images, progress)
    masks = squashed(bank.defect > 0, encoder.side)
    return Examples(tokens, masks, first, classes=("surface",) * len(tokens))


def squashed(masks: MaskArray, side: int) -> MaskArray:
    """Masks (N, H, W) as squares (N, side, side): resized bilinear, cut at one half.

    >>> squashed(np.array([[[1, 1, 0, 0]] * 4], bool), 2).tolist()
    [[[True, False], [True, False]]]
    """
    size, how = (side, side), Image.Resampling.BILINEAR
    scaled = [np.asarray(Image.fromarray(mask * np.uint8(255)).resize(size, how)) for mask in masks]
    return np.stack(scaled) > 127


def joined(parts: Sequence[Features]) -> Features:
    """Several batches as one."""
    tokens, first = zip(*parts, strict=True)
    return np.concatenate(tokens), np.concatenate(first)


def _encode(encoder: Encoder, images: ByteArray, progress: Progress | None = None) -> Features:
    return joined([encoder.features(images[batch]) for batch in batches(len(images), progress)])


def batches(count: int, progress: Progress | None) -> Iterator[slice]:
    """Up to `BATCH` of `count` images, one batch after the other."""
    for start in range(0, count, BATCH):
        if progress:
            progress(start, count)
        yield slice(start, start + BATCH)


def _drawn(rng: np.random.Generator, indices: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return rng.choice(indices, min(most, len(indices)), replace=False)
