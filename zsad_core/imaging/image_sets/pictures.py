"""One image of a set: its file, its ground truth, and its pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from zsad_core.errors import DataError
from zsad_core.types import ByteArray, FloatArray, MaskArray

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}
GREY = ("L", "1")
DEEP = ("I", "F", "I;16", "I;16B", "I;16L")  # grey of more than 8 bits
PHOTOMETRIC, SAMPLE_FORMAT = 262, 339  # tags of a TIFF
WHITE_IS_ZERO, UNSIGNED = 0, 1  # and values of theirs


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
    mask = _marked(picture.mask, picture.above)
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
    with _picture(path) as picture:
        if picture.mode in DEEP:
            return Image.fromarray(_as_bytes(_values(path, picture)))
        return picture.convert("L" if picture.mode in GREY else "RGB")


def is_deep(path: Path) -> bool:
    """Whether an image is grey of more than 8 bits; raises DataError if it cannot be read."""
    with _picture(path) as picture:
        return picture.mode in DEEP


def _marked(path: Path, above: int) -> MaskArray:
    """Pixels (H, W) of a mask that are above a grey of 0 … 255; above 0, each that is not 0."""
    with _picture(path) as picture:
        if picture.mode not in DEEP:
            return np.asarray(picture.convert("L")) > above
        values = _values(path, picture)
    return values > 0 if above == 0 else _as_bytes(values) > above


@contextmanager
def _picture(path: Path) -> Iterator[ImageFile]:
    """The image of a file, none of it read yet; DataError for one that would be read wrongly."""
    try:
        with Image.open(path) as picture:
            if problem := _problem(picture):
                raise DataError(f"'{path}' {problem}")
            yield picture
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"There is no file '{path}'; check the path.") from error
    except Exception as error:  # hostile bytes raise whatever they reach in a decoder
        raise DataError(f"'{path}' cannot be read as an image ({error}); convert it.") from error


def _problem(picture: ImageFile) -> str:
    """What Pillow would leave out or turn round without a word; "" where it does not."""
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        return f"holds {pages} pages or frames; save each as an image of its own."
    deep = any("16" in str(tile.args) for tile in picture.tile)
    if deep and picture.mode not in DEEP:  # its colours would lose their lower 8 bits
        return "has colours, or transparency, of 16 bits; save it as grey, or with 8 bits a colour."
    if picture.mode in DEEP and _tag(picture, PHOTOMETRIC) == WHITE_IS_ZERO:
        return "is of more than 8 bits and shows 0 as white; save it so that 0 is black."
    return ""


def _tag(picture: ImageFile, number: int) -> object:
    """The value of a tag of a TIFF; None without, and of another file."""
    tags = picture.tag_v2 if isinstance(picture, TiffImageFile) else {}
    value = tags.get(number)
    return value[0] if isinstance(value, tuple) else value


def _values(path: Path, picture: ImageFile) -> FloatArray:
    """Grey of more than 8 bits as stored; raises DataError for what is not finite."""
    values = np.asarray(picture, np.float64)
    if picture.mode == "I" and _tag(picture, SAMPLE_FORMAT) == UNSIGNED:
        values = np.where(values < 0, values + 2**32, values)  # Pillow reads them as signed
    if not np.isfinite(values).all():
        raise DataError(f"'{path}' holds NaN or infinite pixels; correct or export it again.")
    return values


def _as_bytes(values: FloatArray) -> ByteArray:
    """Grey of any range in 0 … 255; what lies in 1 … 255 at its brightest stays as it is."""
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
