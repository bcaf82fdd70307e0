import gzip
import io
import json
import zipfile

import nibabel as nib
import numpy as np
import pytest

from zsad_core.exports.reading import read
from zsad_core.exports.volumes import volumes
from zsad_core.exports.words import NO_DEVICE, file_name
from zsad_core.imaging import datasets, slicing
from zsad_core.inference import pipeline


@pytest.fixture(params=["view", "turned", "hostile"])
def exported(request, engine):
    view = request.getfixturevalue(request.param)
    with zipfile.ZipFile(io.BytesIO(volumes(engine, view))) as folder:
        files = {name: folder.read(name) for name in folder.namelist()}
    return view, files


def volume(files, what):
    (content,) = (one for name, one in files.items() if name.endswith(f"_{what}.nii.gz"))
    return nib.Nifti1Image.from_bytes(gzip.decompress(content))


def test_volumes_lie_on_the_scan_s_file_and_hold_the_map(engine, exported):
    view, files = exported
    of = view.map.features.slices
    scan = nib.load(datasets.open_dataset(of.data).file(of.subject, of.modality))
    anomaly = pipeline.anomaly_map(engine, view.map)
    values = slicing.to_voxels(anomaly.values)
    mask = slicing.to_voxels(read(engine, view).mask)
    assert mask.any()
    for what, wanted in (("map", values), ("mask", mask)):
        found = volume(files, what)
        assert found.shape == scan.shape
        np.testing.assert_array_equal(found.affine, scan.affine)
        assert nib.aff2axcodes(found.affine) == nib.aff2axcodes(scan.affine)
        assert found.get_data_dtype() == {"map": np.float32, "mask": np.uint8}[what]
        turned = nib.as_closest_canonical(found).get_fdata(dtype=np.float32)
        np.testing.assert_array_equal(turned, wanted)
    assert float(volume(files, "map").header["cal_max"]) == pytest.approx(anomaly.high)


def test_volumes_say_what_they_are(exported):
    view, files = exported
    for what in ("map", "mask"):
        told = bytes(volume(files, what).header["descrip"]).rstrip(b"\0").decode()
        assert told == f"Not a medical device: {what}, intensity zero-shot, ZSAD Explorer"
    (told,) = (json.loads(one) for name, one in files.items() if name.endswith(".json"))
    assert told["facts"]["no_device"] == NO_DEVICE
    assert told["facts"]["subject"] == view.map.features.slices.subject
    assert {name.split("_")[0] for name in files} == {file_name(view, "").split("_")[0]}
    assert all(name.isascii() and not set(name) & set("<>&\"'$ /\\") for name in files)
