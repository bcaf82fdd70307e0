"""Small NIfTI files, 12 x 14 x 10 voxels in RAS+, written in any axis order."""

import nibabel as nib
import numpy as np
import pytest

SHAPE = (12, 14, 10)


@pytest.fixture
def scan():
    """A skull-stripped box: X, Y and Z each grow, so no two axes or directions look alike."""
    x, y, z = np.indices(SHAPE)
    values = (100 + x + 20 * y + 300 * z).astype(np.float32)
    outside = (x < 2) | (x > 9) | (y < 2) | (y > 11) | (z < 1) | (z > 8)
    return np.where(outside, 0, values).astype(np.float32)


@pytest.fixture
def seg():
    """Label k = 1 ... 4 fills k voxels of row k."""
    labels = np.zeros(SHAPE, np.uint8)
    for label in (1, 2, 3, 4):
        labels[3 : 3 + label, 3 + label, 4] = label
    return labels


@pytest.fixture
def write():
    """write(path, RAS+ array, axcodes="RAS", affine=...): the same anatomy in any axis order."""

    def to_file(path, array, axcodes="RAS", affine=None):
        affine = np.diag([1.0, 1.5, 2.0, 1.0]) if affine is None else affine
        own = nib.orientations.axcodes2ornt(axcodes)
        turn = nib.orientations.ornt_transform(nib.orientations.axcodes2ornt("RAS"), own)
        turned = nib.orientations.apply_orientation(array, turn)
        affine = affine @ nib.orientations.inv_ornt_aff(turn, array.shape)
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(turned, affine), path)
        return path

    return to_file
