"""MVTec AD: a folder for each class, its defects by kind (Bergmann et al. 2019)."""

from collections.abc import Iterator
from pathlib import Path

from zsad_core.imaging.image_sets.pictures import (
    Picture,
    existing,
    folders_in,
    images_in,
    roots,
)

SIGN = "CLASS/test/good, CLASS/test/DEFECT and CLASS/ground_truth/DEFECT/NAME_mask.png"
GOOD = "good"


def fits(root: Path) -> bool:
    """Whether the folder is one class, or holds some."""
    return any(roots(root, "ground_truth"))


def pictures(root: Path) -> Iterator[Picture]:
    """The test part of each class by name; raises DataError for a defect without mask."""
    for folder in roots(root, "ground_truth"):
        if not (folder / "test").is_dir():
            continue
        for kind in folders_in(folder / "test"):
            for image in images_in(kind):
                yield _picture(folder, kind.name, image)


def _picture(folder: Path, kind: str, image: Path) -> Picture:
    group = f"{folder.name}/{kind}/{image.stem}"
    if kind == GOOD:
        return Picture(image, folder.name, False, group=group)
    mask = folder / "ground_truth" / kind / f"{image.stem}_mask.png"
    return Picture(image, folder.name, True, existing(mask, "mask", image), group)
