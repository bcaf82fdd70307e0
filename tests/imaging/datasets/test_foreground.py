"""Where the brain is: stripped scans, whole heads, dust, ripples, and any unit of intensity."""

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from zsad_core.imaging import slicing
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.datasets.foreground import foreground

SHAPE, STEP = (66, 80, 66), 3.0
AT = (np.stack(np.indices(SHAPE), -1) - (np.array(SHAPE) - 1) / 2) * STEP  # mm
ROUND = np.sqrt(((AT / [48, 62, 46]) ** 2).sum(-1))
BRAIN = ROUND < 1
LESION = ((AT - [18, 22, 14]) ** 2).sum(-1) < 8**2
STRIPPED = np.where(LESION, 220, np.where(BRAIN, 100 + 10 * np.sin(AT[..., 0] / 7), 0))


def told(values):
    return foreground(values.astype(np.float32), (STEP, STEP, STEP))


def head(scale=1.0):
    """Brain 100, fluid 30, skull 8, scalp 260, neck 90, in air of 0."""
    at = AT / scale
    layers = [((at / (np.array([36.0, 46, 34]) + mm)) ** 2).sum(-1) < 1 for mm in (18, 10, 4, 0)]
    values = np.zeros(SHAPE)
    for mask, value in zip(layers, (260, 8, 30, 100), strict=True):
        values[mask] = value
    neck = (abs(at[..., 0]) < 35) & (abs(at[..., 1]) < 40) & (at[..., 2] < -30) & (values == 0)
    values[neck] = 90
    return values, layers[-1]


def test_all_of_a_stripped_scan_is_brain_in_any_unit():
    for scale in (1, 1e-12, 1e-30, 1e30):
        found = told(STRIPPED * scale)
        np.testing.assert_array_equal(found.brain, BRAIN)
        assert (found.skull_stripped, found.notes, found.rule) == (True, (), "")


@pytest.mark.parametrize(("csf", "grey", "white"), [(30, 70, 100), (4, 100, 80), (250, 120, 80)])
def test_tissues_of_a_stripped_brain_are_no_skull(csf, grey, white):
    rim, ventricle = (ROUND > 0.93) & BRAIN, ROUND < 0.25
    values = np.where(BRAIN, np.where(ROUND > 0.8, grey, white), 0)
    values[rim | ventricle] = csf
    assert told(values).rule == ""


def test_a_head_in_air_of_zeros_has_its_skull_noted():
    values, brain = head()
    found = told(values)
    assert not found.skull_stripped
    assert found.brain[brain].all()
    assert "a dark skull" in found.notes[0]


def test_a_head_is_too_large_for_a_brain():
    found = told(np.where(ROUND < 1.9, 100 + AT[..., 2] / 4, 0))
    assert "larger than any brain" in found.notes[0]


def test_zeros_where_a_face_was_or_no_signal_is_are_no_sign_of_stripping():
    values, brain = head()
    air = np.abs(np.random.default_rng(0).normal(0, 2, SHAPE)) + 1
    face = (AT[..., 1] > 0) & (AT[..., 2] < 24 - 0.5 * AT[..., 1]) & ~(ROUND < 0.9)
    noisy = np.where(values == 0, air, values)
    corners = AT[..., 0] ** 2 + AT[..., 1] ** 2 > 98**2
    assert min((face).mean(), corners.mean()) > 0.2
    for gone in (face, corners):
        found = told(np.where(gone, 0, noisy))
        assert not found.skull_stripped
        assert "only a part of its air" in found.notes[0]
        assert found.brain[brain & ~gone].all()
        assert not found.brain[noisy < 8].any()


def test_a_padding_value_is_no_intensity():
    padded = np.where(STRIPPED > 0, STRIPPED, -2000)
    found = told(padded)
    np.testing.assert_array_equal(found.brain, BRAIN)
    assert found.skull_stripped
    assert "holds -2000, its one value below 0" in found.notes[0]
    corners = AT[..., 0] ** 2 + AT[..., 1] ** 2 > 98**2
    values, brain = head()
    air = np.where(values == 0, 3 + np.indices(SHAPE).sum(0) % 4, values)
    found = told(np.where(corners, -2000, air))
    assert not found.skull_stripped
    assert found.brain[brain & ~corners].all()
    assert not found.brain[(air < 8) | corners].any()


def test_dust_far_from_the_head_moves_no_depth(tmp_path):
    values = STRIPPED.astype(np.float32)
    clean = slicing.depths(slicing.as_slices(told(values).brain))
    values[3, 3, 0] = values[60, 75, 65] = 1e-6
    nib.save(nib.Nifti1Image(values, np.diag([STEP] * 3 + [1])), tmp_path / "dusty.nii")
    found = nifti.read_case(tmp_path / "dusty.nii")
    np.testing.assert_array_equal(slicing.depths(slicing.as_slices(found.brain)), clean)
    assert "background is not clean: 2 voxels" in found.notes[0]
    plain = nifti.read_case(_saved(tmp_path / "clean.nii", STRIPPED.astype(np.float32)))
    assert plain.digest != found.digest


def test_a_bright_speck_far_from_the_head_is_noted(tmp_path):
    values = STRIPPED.astype(np.float32)
    assert told(values).notes == ()
    values[1:3, 2, 1] = values.max()
    values[60, 75, 65] = values.max()
    found = told(values)
    assert found.notes[0].startswith(
        "3 voxels of its foreground lie apart from the head, by 10 mm or"
    )
    assert found.rule == told(STRIPPED.astype(np.float32)).rule


def test_ripples_of_resampling_are_no_brain():
    values = ndimage.zoom(STRIPPED.astype(np.float32), 1.3, order=3)
    found = told(values)
    brain = ndimage.zoom(STRIPPED.astype(np.float32), 1.3, order=1) > 0
    assert "background is not clean" in found.notes[0]
    assert not (found.brain & ~ndimage.binary_dilation(brain, iterations=3)).any()
    assert found.brain[ndimage.binary_erosion(brain, iterations=2)].all()


def test_unsigned_numbers_stored_as_signed_are_read_as_meant(tmp_path):
    unsigned = np.minimum(STRIPPED * 360, 60000).astype(np.uint16)
    wrapped = nifti.read_case(_saved(tmp_path / "a.nii", unsigned.view(np.int16)))
    np.testing.assert_array_equal(wrapped.intensity, unsigned)
    assert "Unsigned numbers were stored as signed" in wrapped.notes[0]
    np.testing.assert_array_equal(wrapped.brain, BRAIN)


def test_a_mask_that_is_the_brain_is_noted(tmp_path):
    scan = _saved(tmp_path / "a.nii", STRIPPED.astype(np.int16))
    brain, lesion = (
        nifti.read_case(scan, _saved(tmp_path / f"{name}.nii", mask.astype(np.uint8)))
        for name, mask in (("brain", BRAIN), ("lesion", LESION))
    )
    assert "covers 100 % of the foreground" in brain.notes[0]
    assert lesion.notes == ()


def test_slices_are_the_same_in_any_unit(tmp_path):
    images = []
    for scale in (1, 1e-12, 2e-30, 1e30):
        path = _saved(tmp_path / "a.nii", (STRIPPED * scale).astype(np.float32))
        images.append(slicing.to_slices(nifti.read_case(path)).image.astype(int))
    for image in images[1:]:
        assert np.abs(image - images[0]).max() <= 1


def _saved(path, values):
    nib.save(nib.Nifti1Image(values, np.diag([STEP] * 3 + [1])), path)
    return path
