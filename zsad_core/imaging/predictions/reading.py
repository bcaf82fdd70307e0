"""One file of predictions as values on a scan's grid; a file that does not fit is refused."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from zsad_core.base.progress import tracked
from zsad_core.errors import DataError
from zsad_core.imaging.datasets.files import open_image, read_bytes
from zsad_core.imaging.datasets.nifti import finite_values, stray_labels
from zsad_core.imaging.predictions import grids
from zsad_core.imaging.predictions.grids import Grid
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.types import FloatArray, Progress, read_only


@dataclass(frozen=True)
class Prediction:
    """A model's prediction for one scan: (X, Y, Z) float32 RAS+ on the grid of the scan.

    A mask is 0 or 1; scores range from 0 to the set's `high - low`. `digest` is the SHA-256 of the
    file. `resampled` means that the file had another grid, which affects every number.
    """

    values: FloatArray
    resampled: bool
    digest: str


def read(predictions: Predictions, path: Path, reference: Grid) -> Prediction:
    """The prediction of one file on the grid of a scan, RAS+.

    Flipped and permuted axes are reoriented exactly. Another grid is resampled if the set allows
    it, masks by the nearest voxel and scores linearly; voxels outside the file are 0.

    Raises:
        DataError: The file is not a readable 3D image, has values that are not finite, no label or
            outside the range, or has another grid and may not be resampled.
    """
    data = read_bytes(path)
    image = open_image(path, data)
    read_values = _mask if predictions.kind == "mask" else _scores
    values, grid = grids.reoriented(read_values(predictions, path, image), image.affine, reference)
    resampled = not grids.equal(grid, reference)
    if resampled:
        both = f"{grid}, the scan {reference}"
        _check_resampling(predictions, path, image, both)
        values, covered = grids.resample(values, grid, reference, predictions.kind == "score")
        if not covered.any():
            raise DataError(
                f"'{path}' lies wholly outside of the scan: it has {both}; correct its header, or "
                "see whether it is of another subject."
            )
    digest = hashlib.sha256(data).hexdigest()
    return Prediction(read_only(np.ascontiguousarray(values, np.float32)), resampled, digest)


def score_range(files: Sequence[Path], progress: Progress | None = None) -> tuple[float, float]:
    """The lowest and the highest value in all files; raises DataError if there is no such range."""
    ends: list[float] = []
    for path in tracked(files, progress):
        values = finite_values(path, open_image(path, read_bytes(path)))
        ends += [float(values.min()), float(values.max())]
    if not ends:
        raise DataError("There is no file to find a range in; state the range.")
    if min(ends) == max(ends):
        raise DataError(
            f"Every voxel of the {len(files)} files holds {ends[0]:g}; state the range, or choose "
            "a folder of scores."
        )
    return min(ends), max(ends)


def _check_resampling(
    predictions: Predictions, path: Path, image: nib.Nifti1Image, both: str
) -> None:
    """Raise DataError unless a file on another grid may be resampled."""
    if not (int(image.header["qform_code"]) or int(image.header["sform_code"])):
        raise DataError(
            f"'{path}' names no orientation in its header and has {both}; export it with the "
            "header of the scan."
        )
    if not predictions.resample:
        raise DataError(
            f"'{path}' lies on another grid: it has {both}, axes in the scan's order (RAS+); "
            "export it on the scan's grid, or choose to resample the set."
        )


def _mask(predictions: Predictions, path: Path, image: nib.Nifti1Image) -> FloatArray:
    """0 and 1 of a file of labels, in the file's own axis order."""
    values = finite_values(path, image)
    count, examples = stray_labels(values, predictions.allowed, image)
    if count:
        raise DataError(
            f"'{path}' has {count} voxels of {examples} where a mask of "
            f"{', '.join(map(str, predictions.allowed))} is expected; choose the labels that make "
            "the mask, or add the folder as scores."
        )
    return np.isin(np.rint(values), predictions.foreground).astype(np.float32)


def _scores(predictions: Predictions, path: Path, image: nib.Nifti1Image) -> FloatArray:
    """Scores from 0 up, in the file's own axis order and units."""
    values = finite_values(path, image)
    low, high = np.float32(predictions.low), np.float32(predictions.high)
    beyond = [end for end in (values.min(), values.max()) if not low <= end <= high]
    if beyond:
        raise DataError(
            f"'{path}' holds {beyond[0]:.8g}, beyond the range {low:.8g} to {high:.8g} of "
            f"'{predictions.name}'; state a range that holds it, or have it found over the folder."
        )
    return np.clip(values - low, 0, np.float32(predictions.high - predictions.low))
