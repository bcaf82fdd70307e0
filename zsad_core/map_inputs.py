"""Files that the map command reads: 2D images, and normal slices for few-shot."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from zsad_core import slicing
from zsad_core.datasets import nifti
from zsad_core.errors import DataError, SettingError
from zsad_core.types import ByteArray

SCANS = (".nii", ".nii.gz")


def picture(path: Path) -> Image.Image:
    """An image, grey if its file is; raises DataError."""
    try:
        with Image.open(path) as found:
            return found.convert("L" if found.mode in ("L", "1", "I;16", "I") else "RGB")
    except FileNotFoundError as error:
        raise DataError(f"There is no file '{path}'; check the path.") from error
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"'{path}' cannot be read as an image ({error}); convert it.") from error


def normal_slice(name: str) -> ByteArray:
    """(H, W) or (H, W, 3) of an image file, or (H, W) of a scan's slice, written scan.nii.gz:80.

    Slices count from 1, the lowest, as on screen. Raises DataError, SettingError.
    """
    if name.endswith(SCANS):
        raise SettingError(f"--reference {name} names no slice; write {name}:NUMBER.")
    path, _, number = name.rpartition(":")
    if not path.endswith(SCANS):
        return np.asarray(picture(Path(name)))
    stack = slicing.to_slices(nifti.read_scan(Path(path)))
    filled = np.flatnonzero(stack.brain.any(axis=(1, 2))) + 1
    if not number.isdecimal() or int(number) not in filled:
        raise SettingError(
            f"--reference {name}: '{number}' is no slice with brain of this scan; give one of "
            f"{filled[0]} to {filled[-1]}."
        )
    return np.asarray(stack.image[int(number) - 1])
