"""Anomaly map and mask of a view as NIfTI files on the grid of the scan."""

import gzip
import io
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsad_core.exports.reading import Reading, read
from zsad_core.exports.statement import statement
from zsad_core.exports.words import PRODUCT, file_name
from zsad_core.imaging import datasets, slicing
from zsad_core.imaging.datasets import nifti
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.types import Progress

LEVEL = 1  # of gzip: maps are large, and mostly zero


def volumes(engine: Engine, view: View, progress: Progress | None = None) -> bytes:
    """A zip of NAME_map.nii.gz, NAME_mask.nii.gz and NAME.json; raises ZsadError.

    Both volumes have the shape, axis order and affine of the scan's file. The map is
    float32 in the method's own range; the mask is 0 and 1. The JSON is the statement; the
    description in the header is a short form.
    """
    reading = read(engine, view, progress)
    words, name = statement(engine, reading, whole=True), file_name(view, "", whole=True)
    stream, mask = io.BytesIO(), reading.mask.astype(np.uint8)
    parts = {"map": (reading.anomaly.values, reading.anomaly.high), "mask": (mask, 0.0)}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as folder:
        for what, (slices, high) in parts.items():
            folder.writestr(f"{name}_{what}.nii.gz", _image(reading, what, slices, high))
        folder.writestr(f"{name}.json", words.as_json())
    return stream.getvalue()


def _image(reading: Reading, what: str, slices: NDArray[Any], high: float) -> bytes:
    spec = reading.view.map
    of = spec.features.slices
    scan = datasets.open_dataset(of.data).file(of.subject, of.modality)
    description = f"Not a medical device: {what}, {spec.method} {spec.setup}, {PRODUCT}"
    voxels = slicing.to_voxels(slices, of.plane)
    return gzip.compress(nifti.like(scan, voxels, high, description).to_bytes(), LEVEL, mtime=0)
