"""BMAD: medical sets as `Brain_AD/test/{good,Ungood}/img` (Bao et al. 2024).

Brain is of BraTS 2021, whose patients a checkpoint names as its training subjects.
"""

from collections.abc import Iterator
from pathlib import Path

from zsad_core.imaging.image_sets.pictures import Picture, existing, images_in, roots

UNGOOD = "test/Ungood/img"
MASKS = ("anomaly_mask", "label")  # as MVFA has it, and as AA-CLIP has it
SIGN = f"SET_AD/test/good/img, SET_AD/{UNGOOD} and, where drawn, SET_AD/test/Ungood/{MASKS[0]}"
HALF = 127  # masks are cut at one half


def pictures(root: Path) -> Iterator[Picture]:
    """The test part of each set; a set without a mask folder has labels alone.

    Raises DataError for a mask that is missing from the mask folder.
    """
    for folder in roots(root, UNGOOD):
        name = folder.name.removesuffix("_AD")
        for image in images_in(folder / "test/good/img"):
            yield Picture(image, name, False, group=_patient(name, image))
        folders = [folder / "test/Ungood" / masks for masks in MASKS]
        drawn = next((path for path in folders if path.is_dir()), None)
        for image in images_in(folder / UNGOOD):
            mask = existing(drawn / image.name, "mask", image) if drawn else None
            yield Picture(image, name, True, mask, _patient(name, image), HALF)


def _patient(name: str, image: Path) -> str:
    """Brain's slices are named PATIENT_SLICE."""
    return f"{name}/{image.stem.rpartition('_')[0] or image.stem}"
