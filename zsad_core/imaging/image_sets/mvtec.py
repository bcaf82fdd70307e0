"""MVTec AD: a folder for each class, its defects by kind (Bergmann et al. 2019)."""

from collections.abc import Iterator
from pathlib import Path

from zsad_core.imaging.image_sets.pictures import Picture, existing, folders_in, images_in, roots

SIGN = "CLASS/test/good, CLASS/test/DEFECT and CLASS/ground_truth/DEFECT/NAME_mask.png"
MARK, GOOD = "ground_truth", "good"


def pictures(root: Path) -> Iterator[Picture]:
    """The test part of each class by name; raises DataError for a defect without mask."""
    for folder in roots(root, MARK):
        for kind in folders_in(folder / "test"):
            for image in images_in(kind):
                mask = folder / MARK / kind.name / f"{image.stem}_mask.png"
                drawn = None if kind.name == GOOD else existing(mask, "mask", image)
                group = f"{folder.name}/{kind.name}/{image.stem}"
                yield Picture(image, folder.name, kind.name != GOOD, drawn, group)
