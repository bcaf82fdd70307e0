"""Synthetic brain slices in four contrasts, as the tower sees them, with and without lesion.

The seeds of the lesion-free ones are none of the cohort's.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from zsad_core.imaging import datasets
from zsad_core.imaging.datasets.anatomy import CONTRASTS, healthy
from zsad_core.imaging.slicing import PERCENTILES, to_slices
from zsad_core.training.examples import check_split
from zsad_core.training.regions import Pictures, of_brains
from zsad_core.types import ByteArray, DataSpec, MaskArray

FIRST_SEED = 900_000
HEADROOM = (1.0, 2.0)  # window of a brain with something brighter in it, over its own


def lesion_free(count: int, slices: int, side: int) -> Pictures:
    """`slices` axial slices of each contrast of `count` brains, side x side pixels."""
    images, inside, contrast = [], [], []
    for index in range(count):
        anatomy = healthy(FIRST_SEED + index)
        rng = np.random.default_rng([FIRST_SEED, index])
        filled = np.flatnonzero(anatomy.brain.any(axis=(0, 1)))
        for number, name in enumerate(CONTRASTS):
            values = anatomy.contrasts[name]
            low, high = np.percentile(values[anatomy.brain], PERCENTILES)
            for z in rng.choice(filled, slices, replace=False):
                span = (high - low) * rng.uniform(*HEADROOM)
                picture = np.clip((values[::-1, ::-1, z].T - low) / span * 255, 0, 255)
                images.append(_resized(np.rint(picture).astype(np.uint8), side))
                inside.append(_resized_mask(anatomy.brain[::-1, ::-1, z].T, side))
                contrast.append(number)
    return of_brains(np.stack(images), np.stack(inside), np.array(contrast))


def _resized(image: ByteArray, side: int) -> ByteArray:
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


def _resized_mask(mask: MaskArray, side: int) -> MaskArray:
    return _resized(mask.astype(np.uint8) * 255, side) > 127


def with_lesions(subjects: Sequence[str], slices: int, side: int) -> Pictures:
    """`slices` slices with and as many without lesion, of each contrast of training subjects.

    Raises SettingError for a subject that is not in the training split.
    """
    dataset = datasets.open_dataset(DataSpec("demo"))
    check_split(dataset, subjects)
    images, inside, lesion = list[ByteArray](), list[MaskArray](), list[MaskArray]()
    contrast = list[int]()
    for subject in subjects:
        for number, name in enumerate(CONTRASTS):
            stack = to_slices(dataset.load(subject, name))
            assert stack.truth is not None  # every training subject of the demo has a truth
            for s in _both_kinds(stack.truth, stack.brain, slices):
                images.append(_resized(stack.image[s], side))
                inside.append(_resized_mask(stack.brain[s], side))
                lesion.append(_resized_mask(stack.truth[s], side))
                contrast.append(number)
    return of_brains(np.stack(images), np.stack(inside), np.array(contrast), np.stack(lesion))


def _both_kinds(truth: MaskArray, brain: MaskArray, count: int) -> list[int]:
    """Slices of (S, H, W) spread evenly over those with lesion, and over those without."""
    ill, filled = (np.array([plane.any() for plane in mask]) for mask in (truth, brain))
    groups = (np.flatnonzero(ill), np.flatnonzero(filled & ~ill))
    return [
        int(s)
        for group in groups
        for s in group[np.unique(np.linspace(0, len(group) - 1, count).astype(int))]
    ]
