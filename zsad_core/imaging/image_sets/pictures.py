"""One image of a set: its file, its ground truth, and its pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from zsad_core.errors import DataError
from zsad_core.types import ByteArray, FloatArray, MaskArray

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}
GREY = ("L", "1")
DEEP = ("I", "F", "I;16", "I;16B", "I;16L")  # grey of more than 8 bits


@dataclass(frozen=True)
class Picture:
    """An image file and its ground truth.

    A `mask` marks what is grey `above`; None for a normal image, or where nobody drew one. `group`,
    a patient or the image itself, must stay on one side of a split.
    """

    image: Path
    class_name: str
    abnormal: bool
    mask: Path | None = None
    group: str = ""
    above: int = 0


def read(picture: Picture) -> tuple[ByteArray, MaskArray]:
    """Pixels (H, W, 3) uint8 and mask (H, W); raises DataError naming the file."""
    image = np.asarray(opened(picture.image).convert("RGB"))
    if picture.mask is None:
        return image, np.zeros(image.shape[:2], bool)
    mask = np.asarray(opened(picture.mask).convert("L")) > picture.above
    if mask.shape != image.shape[:2]:
        raise DataError(
            f"The mask '{picture.mask}' has {mask.shape[1]} x {mask.shape[0]} pixels and its image "
            f"{image.shape[1]} x {image.shape[0]}; make them equal."
        )
    return image, mask


def opened(path: Path) -> Image.Image:
    """The image, grey or RGB, 8 bits a colour; raises DataError if it cannot be read.

    Grey of more bits keeps its order: its brightest pixel is 255, unless all of it fits as it is.
    """
    try:
        with Image.open(path) as picture:
            if picture.mode in DEEP:
                return Image.fromarray(_as_bytes(path, np.asarray(picture, np.float64)))
            return picture.convert("L" if picture.mode in GREY else "RGB")
    except FileNotFoundError as error:
        raise DataError(f"There is no file '{path}'; check the path.") from error
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"'{path}' cannot be read as an image ({error}); convert it.") from error


def _as_bytes(path: Path, values: FloatArray) -> ByteArray:
    """Grey of any range in 0 … 255; what lies in 1 … 255 at its brightest stays as it is."""
    if not np.isfinite(values).all():
        raise DataError(f"'{path}' holds NaN or infinite pixels; correct or export it again.")
    low, high = min(float(values.min()), 0.0), float(values.max())
    if low < 0 or not 1 < high <= 255:
        values = (values - low) * (255 / max(high - low, np.finfo(np.float64).tiny * 255))
    return np.rint(values).astype(np.uint8)


def images_in(folder: Path) -> list[Path]:
    """Image files of a folder by name; empty without such a folder."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)


def folders_in(folder: Path) -> list[Path]:
    """Folders of a folder by name; empty without such a folder."""
    return sorted(folder.glob("*/"))


def roots(root: Path, sign: str) -> Iterator[Path]:
    """The folder itself, or else its subfolders, that contain the folder `sign`."""
    inside = [root] if (root / sign).is_dir() else folders_in(root)
    yield from (path for path in inside if (path / sign).is_dir())


def existing(path: Path, what: str, image: Path) -> Path:
    """The path of an existing file; DataError names the image or index whose file is missing."""
    if not path.is_file():
        raise DataError(f"The {what} '{path}' of '{image}' is missing; add it.")
    return path
