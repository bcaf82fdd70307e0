"""Anomaly map and mask of a view as NIfTI files on the grid of the scan."""

import io
import zipfile

import numpy as np
from isal import igzip

from zsad_core.exports.reading import read
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
    slices_spec = view.map.features.slices
    scan = datasets.open_dataset(slices_spec.data).file(slices_spec.subject, slices_spec.modality)
    parts = {"map": (reading.anomaly.values, reading.anomaly.high), "mask": (mask, 0.0)}
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as folder:
        for what, (slices, high) in parts.items():
            made = f"{what}, {view.map.method} {view.map.setup}, {PRODUCT}"
            voxels = slicing.to_voxels(slices, slices_spec.plane)
            image = nifti.like(scan, voxels, high, f"Not a medical device: {made}").to_bytes()
            folder.writestr(f"{name}_{what}.nii.gz", igzip.compress(image, LEVEL, mtime=0))
        folder.writestr(f"{name}.json", words.as_json())
    return stream.getvalue()
