"""DICOM slices from a browser: the volume they make, and series that make none."""

import gzip

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from zsad_core.imaging.uploads import limits


def image_of(place):
    (path,) = place.glob("scans/*/*.nii.gz")
    return path, nib.load(path)


def test_a_series_is_the_volume_that_was_imaged(use, place, slices, values):
    (found,) = use(slices())
    assert (found.files, found.subject) == ("DICOM series 3 (10 slices, MR)", "dicom-3")
    path, image = image_of(place)
    assert path.name == "t2f.nii.gz"
    np.testing.assert_array_equal(image.get_fdata(), values)
    # Columns run to the left and rows to the back: RAS of the first voxel is that of LPS, mirrored.
    np.testing.assert_allclose(
        image.affine, [[-1, 0, 0, -5], [0, -1, 0, -6], [0, 0, 2, -7], [0, 0, 0, 1]]
    )


def test_a_series_in_a_zip_is_read_and_what_else_lies_there_is_passed_over(use, zipped, slices):
    members = slices() | {"README.txt": b"x", "more.zip": zipped({"a": b"b"}), ".DS_Store": b"x"}
    (found,) = use({"export.zip": zipped(members)})
    assert found.subject == "dicom-3"


def test_oblique_slices_of_uneven_pixels_keep_their_places(use, place, slices):
    across, down = np.array([0, 0.8, -0.6]), np.array([0.0, -0.6, -0.8])
    normal = np.cross(across, down)
    use(
        slices(
            lambda k: {
                "ImageOrientationPatient": [*across, *down],
                "ImagePositionPatient": [*(np.array([1.0, 2, 3]) + 1.5 * k * normal)],
                "PixelSpacing": [0.5, 0.75],
            }
        )
    )
    affine = image_of(place)[1].affine
    at = affine @ [2, 3, 4, 1]  # column 2, row 3, slice 4
    lps = np.array([1.0, 2, 3]) + 2 * 0.75 * across + 3 * 0.5 * down + 4 * 1.5 * normal
    np.testing.assert_allclose(at[:3], lps * [-1, -1, 1], atol=1e-5)


def test_padding_is_no_intensity(use, place, slices, values):
    padded = np.where(values > 0, values, 3)
    padded[:4], padded[-3:] = -2000, -1990

    def change(k):
        pixels = padded[..., k].T.astype("<i2").tobytes()
        return {"PixelData": pixels, "PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1990}

    use(slices(lambda k: change(k) | {"RescaleIntercept": 7}))
    np.testing.assert_array_equal(
        image_of(place)[1].get_fdata(), np.where(padded < 0, 0, padded) + 7
    )


def test_bits_that_lie_high_are_refused(refused, slices):
    sentence = refused(slices(lambda k: {"BitsStored": 12, "HighBit": 15}))
    assert "Holds 12 bits up to bit 15; export its lowest bits alone." in sentence


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("with_meta", [True, False])
def test_slices_without_a_preamble_are_read(use, place, slices, values, syntax, with_meta):
    files = {}
    for name, data in slices(syntax=syntax).items():
        meta = int.from_bytes(data[140:144], "little")  # length of group 2 behind its first element
        files[name] = data[132:] if with_meta else data[144 + meta :]
    (found,) = use(files)
    assert found.subject == "dicom-3"
    np.testing.assert_array_equal(image_of(place)[1].get_fdata(), values)


def test_values_are_in_the_units_of_the_file(use, place, slices, values):
    use(slices(lambda k: {"RescaleSlope": k + 1, "RescaleIntercept": 0.5}))
    scaled = values * np.arange(1, values.shape[2] + 1) + 0.5
    np.testing.assert_allclose(image_of(place)[1].get_fdata(), scaled)


def test_nothing_of_the_patient_is_kept_or_said(use, place, slices):
    (found,) = use(slices())
    kept = b"".join(gzip.decompress(path.read_bytes()) for path in place.glob("scans/*/*"))
    kept += str([*place.rglob("*")]).encode() + repr(found).encode()
    for word in (b"Doe", b"Jane", b"4711", b"AX FLAIR", b"IM0"):
        assert word not in kept


def test_each_series_is_a_subject(use, slices):
    more = slices(series="1.2.4", change=lambda k: {"SeriesNumber": 5, "SeriesDescription": "t1"})
    found = use(slices() | {f"b/{name}": data for name, data in more.items()})
    assert {(one.subject, one.message.split(",")[0]) for one in found} == {
        ("dicom-3", "t2f"),
        ("dicom-5", "t1n"),
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda k: {"ImagePositionPatient": [0, 0, k + 9 * (k > 4)]}, "missing (9 above 4.0 mm)"),
        (lambda k: {"ImagePositionPatient": [0, 0, k // 2]}, "5 slices lie where another does"),
        (lambda k: {"ImagePositionPatient": [0, 0, k + 0.2 * (k % 2)]}, "0.80 to 1.20 mm apart"),
        (lambda k: {"ImagePositionPatient": [0, k, 2 * k]}, "straight above each other"),
        (lambda k: {"PixelSpacing": [1, 1 + k]}, "differ in size, spacing or direction"),
        (lambda k: {"ImageOrientationPatient": [1, 0, 0, 0.5, 1, 0]}, "right angles"),
        (lambda k: {"PixelSpacing": [0, 1]}, "Does not say soundly where"),
        (lambda k: {"PixelSpacing": [1, 1e9]}, "Does not say soundly where"),
        (lambda k: {"ImagePositionPatient": [0, 0, "1e300"]}, "Does not say soundly where"),
        (lambda k: {"ImageOrientationPatient": [1, 0, 0, 0, "1e200", 0]}, "not say soundly"),
        (lambda k: {"Modality": "CT"}, "its modality is CT, not MR"),
        (lambda k: {"Modality": "<b>hurt</b>"}, "its modality is bhurtb, not MR"),
        (lambda k: {"NumberOfFrames": 4}, "many slices in one file"),
        (lambda k: {"ImageType": ["ORIGINAL", "MOSAIC"]}, "many slices in one file"),
        (lambda k: {"PhotometricInterpretation": "MONOCHROME1"}, "inverted grey"),
        (lambda k: {"Rows": 60000, "Columns": 60000}, "60000 x 60000 pixels; at most 1024"),
        (lambda k: {"Rows": 13}, "holds fewer or more voxels than it says"),
        (lambda k: {"RescaleSlope": "1e38"}, "NaN or infinite"),
    ],
)
def test_slices_that_make_no_volume_are_refused(refused, slices, change, sentence):
    assert sentence.lower() in refused(slices(change)).lower()


def without(files, keyword):
    found = {}
    for name, data in files.items():
        read = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
        delattr(read, keyword)
        out = pydicom.filebase.DicomBytesIO()
        read.save_as(out)
        found[name] = out.getvalue()
    return found


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "Rows", "SeriesInstanceUID"])
def test_a_slice_that_does_not_say_where_it_lies_is_refused(refused, slices, keyword):
    assert "and 9 more: Cannot be read as a DICOM slice" in refused(without(slices(), keyword))


def test_compressed_and_deflated_files_are_named(refused, slices):
    packed = slices(syntax=RLELossless, change=lambda k: {"PixelData": encapsulate([b"ab"])})
    assert "and 9 more: Compressed DICOM (RLE Lossless)" in refused(packed)
    deflated = slices(syntax=DeflatedExplicitVRLittleEndian)
    assert "Compressed DICOM (Deflated Explicit VR Little Endian)" in refused(deflated)
    odd = {
        name: data.replace(b"1.2.840.10008.1.2.1\0", b"9.9.9.9.9.9.9.9.9.9\0")
        for name, data in slices().items()
    }
    assert "Compressed DICOM (in an unknown way)" in refused(odd)


def test_broken_dicom_is_refused_whatever_is_broken(use, place, slices):
    """Every slice is cut or has a byte changed at a place of its own; nothing escapes."""
    chance = np.random.default_rng(5)
    for _ in range(30):
        broken = {}
        for name, data in slices().items():
            data = bytearray(
                data[: chance.integers(140, len(data))] if chance.random() < 0.3 else data
            )
            for at in chance.integers(132, min(len(data), 1100), 3):
                data[at] = chance.integers(256)
            broken[name] = bytes(data)
        for one in use(broken):
            assert one.message
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_too_few_slices_are_no_volume(refused, slices):
    few = dict(list(slices().items())[: limits.SIDES[0] - 1])
    assert "7 slices; a volume takes 8" in refused(few)
