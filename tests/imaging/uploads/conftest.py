"""Files as a browser sends them: NIfTI bytes, zips, DICOM slices; and a user's folder."""

import gzip
import io
import zipfile

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from zsad_core.imaging.uploads import folders
from zsad_core.imaging.uploads.receive import receive

SHAPE = (12, 14, 10)


@pytest.fixture
def values():
    """A skull-stripped box, (X, Y, Z): each axis grows, so no two axes or directions look alike."""
    x, y, z = np.indices(SHAPE)
    inside = (x > 1) & (x < 10) & (y > 1) & (y < 12) & (z > 0) & (z < 9)
    return np.where(inside, 100 + x + 20 * y + 300 * z, 0).astype(np.int16)


@pytest.fixture
def nifti():
    """nifti(array, affine=...): the bytes of a .nii.gz file."""

    def to_bytes(array, affine=None, packed=True):
        image = nib.Nifti1Image(
            array, np.diag([-1.0, -1.0, 2.0, 1.0]) if affine is None else affine
        )
        raw = image.to_bytes()
        return gzip.compress(raw) if packed else raw

    return to_bytes


@pytest.fixture
def zipped():
    """zipped({name: bytes}): the bytes of a zip."""

    def to_bytes(members, **more):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **more) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        return out.getvalue()

    return to_bytes


@pytest.fixture
def slices(values):
    """slices(k -> {attribute: value}): a DICOM file a slice of `values`, by name, in mixed order.

    Columns run to the patient's left and rows to the back, 1 mm apart; slices go up by 2 mm.
    """

    def to_bytes(change=lambda k: {}, series="1.2.3", syntax=ExplicitVRLittleEndian):
        found = {}
        for k in np.random.default_rng(0).permutation(SHAPE[2]).tolist():
            data = pydicom.Dataset()
            data.file_meta = pydicom.dataset.FileMetaDataset()
            data.file_meta.TransferSyntaxUID = syntax
            data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = MRImageStorage
            data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
            data.PatientName, data.PatientID = "Doe^Jane", "4711"
            data.Modality, data.SeriesInstanceUID, data.SeriesNumber = "MR", series, 3
            data.SeriesDescription = "AX FLAIR of Jane Doe"
            data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
            data.Rows, data.Columns, data.PixelSpacing = SHAPE[1], SHAPE[0], [1, 1]
            data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
            data.PixelRepresentation = 1
            data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            data.ImagePositionPatient = [5, 6, 2 * k - 7]
            data.PixelData = values[..., k].T.astype("<i2").tobytes()
            for name, value in change(k).items():
                setattr(data, name, value)
            out = io.BytesIO()
            pydicom.dcmwrite(out, data, enforce_file_format=True)
            found[f"export/IM{k:03d}"] = out.getvalue()
        return found

    return to_bytes


@pytest.fixture
def place():
    """A user's folder."""
    return folders.own_folder(folders.new_token())


@pytest.fixture
def use(place):
    """use({name: bytes}): what became of the files."""

    def received(files):
        return receive(place, [(name, io.BytesIO(data)) for name, data in files.items()])

    return received


@pytest.fixture
def refused(use, place):
    """refused({name: bytes}): the one sentence on why nothing was taken; nothing is left behind."""

    def sentence(files):
        (found,) = use(files)
        assert found.subject == ""
        assert [path for path in place.rglob("*") if path.is_file()] == []
        return f"{found.files}: {found.message}"

    return sentence
