"""NIfTI headers drawn at random, read as SimpleITK reads them: place, values and volume."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from scipy.spatial.transform import Rotation

from zsad_core.imaging.datasets import nifti

UNITS = {"mm": 1.0, "meter": 1000.0, "micron": 0.001}
TYPES = (np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64)


def drawn(random, path):
    """A scan with everything drawn that a header says of place and values; its voxel volume, ml."""
    shape = random.integers(7, 15, 3)
    values = np.zeros(shape)
    inside = tuple(slice(2, side - 2) for side in shape)
    values[inside] = random.integers(40, 200, values[inside].shape)
    spacing = random.uniform(0.4, 5.0, 3)
    turn = Rotation.from_rotvec(random.uniform(-0.3, 0.3, 3)).as_matrix()
    axes = np.eye(3)[:, random.permutation(3)] * random.choice([-1, 1], 3)
    affine = np.eye(4)
    affine[:3, :3] = turn @ axes @ np.diag(spacing)
    affine[:3, 3] = random.uniform(-200, 200, 3)
    unit = str(random.choice([*UNITS]))
    affine[:3] /= UNITS[unit]
    image = nib.Nifti1Image(values.astype(random.choice(TYPES)), affine)
    image.header.set_xyzt_units(unit)
    qform, sform = ((1, 0), (0, 1), (1, 1), (2, 4))[random.integers(4)]
    image.set_qform(affine, qform)
    image.set_sform(affine, sform)
    if random.random() < 0.5:
        image.header.set_slope_inter(float(random.choice([0.5, 2, 3])), 0)
    nib.save(image, path)
    return np.prod(spacing) / 1000


@pytest.mark.parametrize("seed", range(60))
def test_a_drawn_header_is_read_as_simpleitk_reads_it(tmp_path, seed):
    random, path = np.random.default_rng(seed), tmp_path / "scan.nii"
    millilitres = drawn(random, path)
    volume, other = nifti.read_case(path), SimpleITK.ReadImage(str(path))
    assert abs(np.linalg.det(volume.affine)) / 1000 == pytest.approx(millilitres, rel=1e-4)
    assert np.prod(volume.spacing_mm) / 1000 == pytest.approx(millilitres, rel=1e-4)
    assert nib.aff2axcodes(volume.affine) == ("R", "A", "S")
    assert volume.intensity.size == np.prod(other.GetSize())
    for voxel in np.ndindex(volume.intensity.shape):
        right, front, up = nib.affines.apply_affine(volume.affine, voxel)
        index = other.TransformPhysicalPointToIndex((-right, -front, up))  # to LPS
        assert volume.intensity[voxel] == pytest.approx(other.GetPixel(index))
