"""2D images with masks to train on; to add a layout, write a file like `mvtec.py` and its line.

Each layout yields its *test* part, normal and abnormal images: that is what the official trainings
learn from, on sets other than the one that is tested.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zsad_core.errors import DataError, SettingError
from zsad_core.imaging.image_sets import bmad, meta, mvtec, visa
from zsad_core.imaging.image_sets.pictures import Picture, read, roots

EVERY = 5
MANY = 10


@dataclass(frozen=True)
class ImageLayout:
    """How a set lies on disk: its title, its files in words, its mark, and its images in order."""

    title: str
    sign: str
    mark: str
    pictures: Callable[[Path], Iterable[Picture]]

    def fits(self, root: Path) -> bool:
        """Whether the folder holds the mark as a file, or as a folder, also a level below."""
        return (root / self.mark).is_file() or any(roots(root, self.mark))


LAYOUTS = {
    "meta": ImageLayout("the official meta.json", meta.SIGN, meta.NAME, meta.pictures),
    "visa": ImageLayout("VisA", visa.SIGN, visa.SPLIT, visa.pictures),
    "bmad": ImageLayout("BMAD", bmad.SIGN, bmad.UNGOOD, bmad.pictures),
    "mvtec": ImageLayout("MVTec AD", mvtec.SIGN, mvtec.MARK, mvtec.pictures),
}


def kind_of(root: Path) -> str:
    """The first layout that fits a folder, "" if none does."""
    return next((kind for kind, layout in LAYOUTS.items() if layout.fits(root)), "")


def pictures(root: Path, kind: str = "") -> tuple[Picture, ...]:
    """All images of a set, in a fixed order; kind "" is detected from the files in the folder.

    Raises DataError for a folder missing or laid out otherwise, and for a missing mask or image.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder '{root}'; give the one that holds the image set.")
    kind = kind or kind_of(root)
    if not kind or not LAYOUTS[kind].fits(root):
        signs = (kind,) if kind else LAYOUTS
        expected = "; ".join(f"{LAYOUTS[k].title}: {LAYOUTS[k].sign}" for k in signs)
        raise DataError(f"'{root}' is no image set that can be read; expected {expected}.")
    images = tuple(LAYOUTS[kind].pictures(root))
    if not any(picture.abnormal for picture in images):
        raise DataError(
            f"'{root}' holds {len(images)} images of its test part and none with a defect, so "
            f"there is nothing to learn; expected {LAYOUTS[kind].sign}."
        )
    return images


def split(images: Sequence[Picture]) -> tuple[list[Picture], list[Picture], str]:
    """Images to train on, images held out, and the rule in words.

    Of ten classes or more every fifth is held out, in order of names; of fewer, every fifth group
    (a patient or an image). SettingError if a side has no abnormal image with a mask.
    """
    by_class = len({picture.class_name for picture in images}) >= MANY
    names = [picture.class_name if by_class else picture.group for picture in images]
    out = set(sorted(set(names))[EVERY - 1 :: EVERY])
    parts: tuple[list[Picture], list[Picture]] = ([], [])
    for picture, name in zip(images, names, strict=True):
        parts[name in out].append(picture)
    for side, what in zip(parts, ("train on", "hold out"), strict=True):
        if not any(picture.mask for picture in side):
            raise SettingError(
                f"{len(side)} images were found to {what} and none of them is abnormal with a "
                "mask; give a set with more images."
            )
    return *parts, f"every fifth {'class' if by_class else 'image or patient'}, in order of names"


def spread(images: Sequence[Picture], most: int) -> list[Picture]:
    """At most so many images, evenly from the whole order, so that every class has its share.

    >>> spread([1, 2, 3, 4, 5, 6], 3)
    [1, 3, 5]
    """
    count = min(most, len(images))
    return [images[i * len(images) // count] for i in range(count)]


__all__ = ["LAYOUTS", "ImageLayout", "Picture", "kind_of", "pictures", "read", "split", "spread"]
