"""Normal slices for few-shot that the map command reads: 2D images and slices of scans."""

from pathlib import Path

import numpy as np

from zsad_core.errors import SettingError
from zsad_core.imaging import slicing
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.image_sets.pictures import opened
from zsad_core.types import ByteArray

SCANS = (".nii", ".nii.gz")


def normal_slice(name: str) -> ByteArray:
    """(H, W) or (H, W, 3) of an image file, or (H, W) of a scan's slice, written scan.nii.gz:80.

    Slices count from 1, the lowest, as on screen. Raises DataError, SettingError.
    """
    if name.endswith(SCANS):
        raise SettingError(f"--reference {name} names no slice; write {name}:NUMBER.")
    path, _, number = name.rpartition(":")
    if not path.endswith(SCANS):
        return np.asarray(opened(Path(name)))
    stack = slicing.to_slices(nifti.read_scan(Path(path)))
    filled = np.flatnonzero(stack.brain.any(axis=(1, 2))) + 1
    if not number.isdecimal() or int(number) not in filled:
        raise SettingError(
            f"--reference {name}: '{number}' is no slice with brain of this scan; give one of "
            f"{filled[0]} to {filled[-1]}."
        )
    return np.asarray(stack.image[int(number) - 1])
