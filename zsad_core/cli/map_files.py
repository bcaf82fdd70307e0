"""Files that the map command reads into an engine, and those that it writes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from zsad_core.base.atomic import whole
from zsad_core.base.wording import whole_number
from zsad_core.errors import SettingError
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.datasets.files import SUFFIXES
from zsad_core.imaging.image_sets.pictures import is_deep, opened
from zsad_core.inference.engine import Engine
from zsad_core.inference.stored_features import filled_slices
from zsad_core.types import (
    AnomalyMap,
    ByteArray,
    DataSpec,
    MapSpec,
    Reference,
    SliceSpec,
    SliceStack,
    read_only,
)

DATA = DataSpec("files")  # of no data set


def is_scan(path: Path) -> bool:
    """Whether the name is that of a NIfTI file."""
    return path.name.lower().endswith(SUFFIXES)


def file_of(reference: str) -> Path:
    """The file of a reference: an image, or a scan followed by the number of a slice."""
    scan = Path(reference.rpartition(":")[0])
    return scan if is_scan(scan) else Path(reference)


def slices_of(paths: Sequence[Path]) -> SliceSpec:
    """The slices of a scan, or 2D images as slices."""
    return SliceSpec(DATA, str(paths[0]), "scan" if is_scan(paths[0]) else "images")


def add_scan(engine: Engine, path: Path) -> SliceSpec:
    """Read a NIfTI file into the engine; raises DataError."""
    slices = slices_of([path])
    engine.add(slices, nifti.read_case(path))
    return slices


def add_images(engine: Engine, spec: MapSpec, paths: Sequence[Path]) -> None:
    """Read 2D images into the engine as the slices of a spec, at the side of its recipe.

    Raises DataError; SettingError where they differ in size and the method does not resize them.
    """
    images, recipe = [opened(path) for path in paths], spec.features.recipe
    if recipe:
        size = (recipe.image_size, recipe.image_size)
        images = [image.resize(size, Image.Resampling.BICUBIC) for image in images]
    if len({image.size for image in images}) > 1:
        raise SettingError("These images differ in size; map them one at a time with this method.")
    if len({image.mode for image in images}) > 1:
        images = [image.convert("RGB") for image in images]
    engine.add(spec.features.slices, _stack(np.stack([np.asarray(image) for image in images])))


def depth_note(paths: Sequence[Path]) -> list[str]:
    """What to know of several images where one is of more than 8 bits."""
    if len(paths) < 2 or not any(map(is_deep, paths)):
        return []
    return [
        "an image of more than 8 bits is scaled to its own brightest pixel, so that intensities, "
        "and scores that follow them, do not compare between these images."
    ]


def add_reference(engine: Engine, name: str) -> Reference:
    """Read a normal slice: an image, or scan.nii.gz:80, from 1; raises DataError, SettingError."""
    if is_scan(Path(name)):
        raise SettingError(f"--reference {name} names no slice; write {name}:NUMBER.")
    path, number = file_of(name), name.rpartition(":")[2]
    if not is_scan(path):
        slices = SliceSpec(DATA, name, "reference")
        engine.add(slices, _stack(np.asarray(opened(path))[None]))
        return Reference(slices, 0)
    slices = add_scan(engine, path)
    filled = filled_slices(engine, slices)
    position = whole_number(number)
    if position is None or position - 1 not in filled:
        raise SettingError(
            f"--reference {name}: '{number}' is no slice with brain of this scan; give one of "
            f"{filled[0] + 1} to {filled[-1] + 1}."
        )
    return Reference(slices, position - 1)


def write_images(anomaly: AnomalyMap, out: Path) -> str:
    """Write `maps` (B, H, W) and `scores` (B,) as .npz; raises StorageError."""
    with whole(out) as temporary, temporary.open("wb") as stream:
        np.savez(stream, maps=anomaly.values, scores=anomaly.scores)
    count, height, width = anomaly.values.shape
    return f"\n{count} maps of {(height, width)} in {out}"


def _stack(image: ByteArray) -> SliceStack:
    """Images (S, H, W) or (S, H, W, 3) as slices that are all brain."""
    digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()
    brain = np.ones(image.shape[:3], bool)
    return SliceStack(
        read_only(image), read_only(brain), None, (0.0, 255.0), 0.0, (1.0, 1.0), digest
    )
