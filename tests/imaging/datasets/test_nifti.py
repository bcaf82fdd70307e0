"""NIfTI files as volumes in RAS+, and values back in a file's own axes."""

import hashlib

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from zsad_core.errors import DataError, StorageError
from zsad_core.imaging.datasets import nifti


@pytest.mark.parametrize("axcodes", ["RAS", "LPS", "PIR", "SLA"])
def test_the_same_anatomy_in_any_axis_order_is_the_same_volume(tmp_path, write, scan, seg, axcodes):
    path = write(tmp_path / "scan.nii.gz", scan, axcodes)
    mask = write(tmp_path / "seg.nii.gz", seg, axcodes)
    found = nifti.read_case(path, mask, (1, 2, 3), (0, 1, 2, 3, 4))
    np.testing.assert_array_equal(found.intensity, scan)
    np.testing.assert_array_equal(found.labels, seg)
    assert found.intensity.dtype == np.float32
    assert found.spacing_mm == pytest.approx((1.0, 1.5, 2.0))
    np.testing.assert_allclose(found.affine, np.diag([1.0, 1.5, 2.0, 1.0]))


def test_scan_and_mask_may_differ_in_axis_order(tmp_path, write, scan, seg):
    path, mask = write(tmp_path / "a.nii", scan, "LPS"), write(tmp_path / "b.nii", seg, "PIR")
    np.testing.assert_array_equal(nifti.read_case(path, mask).truth, seg > 0)


def test_a_stripped_scan_has_the_tissue_as_brain(tmp_path, write, scan):
    found = nifti.read_case(write(tmp_path / "scan.nii.gz", scan))
    np.testing.assert_array_equal(found.brain, scan > 0)
    assert found.skull_stripped
    assert (found.truth, found.labels, found.notes) == (None, None, ())
    assert not found.intensity.flags.writeable


def test_a_scan_with_skull_gets_a_rough_foreground_and_says_so(tmp_path, write, scan):
    noisy = np.where(scan > 0, scan + 2000, 1 + np.indices(scan.shape)[0] % 7).astype(np.float32)
    found = nifti.read_case(write(tmp_path / "scan.nii", noisy))
    np.testing.assert_array_equal(found.brain, scan > 0)
    assert not found.skull_stripped
    assert "Not skull-stripped" in found.notes[0]


def test_a_normalised_scan_keeps_its_dark_tissue(tmp_path, write, scan):
    values = np.where(scan > 0, scan - 1500.5, 0).astype(np.float32)
    found = nifti.read_case(write(tmp_path / "scan.nii", values))
    np.testing.assert_array_equal(found.brain, scan > 0)
    assert "negative" in found.notes[0]


def test_a_header_without_orientation_is_noted(tmp_path, scan):
    image = nib.Nifti1Image(scan, None)
    image.header["qform_code"] = image.header["sform_code"] = 0
    nib.save(image, tmp_path / "scan.nii")
    assert "left and right" in nifti.read_case(tmp_path / "scan.nii").notes[0]


def test_the_digest_is_of_all_bytes_read(tmp_path, write, scan, seg):
    path, mask = write(tmp_path / "a.nii.gz", scan), write(tmp_path / "b.nii.gz", seg)
    both = hashlib.sha256(path.read_bytes() + mask.read_bytes()).hexdigest()
    assert nifti.read_case(path, mask).digest == both
    assert nifti.read_case(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_scaled_integer_file_is_read_in_its_units(tmp_path, scan):
    image = nib.Nifti1Image(scan.astype(np.int16), np.eye(4))
    image.header.set_slope_inter(0.5, 0)
    nib.save(image, tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(nifti.read_case(tmp_path / "scan.nii.gz").intensity, scan / 2)


def test_nifti_2_is_read(tmp_path, scan):
    nib.save(nib.Nifti2Image(scan, np.eye(4)), tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(nifti.read_case(tmp_path / "scan.nii.gz").intensity, scan)


@pytest.mark.parametrize(
    ("value", "allowed", "sentence"),
    [
        (7, (0, 1, 2, 4), "stray label 7 where only 0, 1, 2, 4 may occur"),
        (0.5, (0, 1, 2, 4), "stray label 0.5 where"),
        (-1, None, "stray label -1 where only whole numbers from 0 to 255"),
        (300, None, "stray label 300 where"),
        (np.nan, None, "stray label nan where"),
    ],
)
def test_stray_labels_are_listed(tmp_path, write, scan, value, allowed, sentence):
    labels = np.zeros(scan.shape, np.float32)
    labels[5, 5:10, 5] = value
    path, mask = write(tmp_path / "a.nii", scan), write(tmp_path / "seg.nii", labels)
    with pytest.raises(DataError, match=rf"seg\.nii' has 5 voxels of {sentence}"):
        nifti.read_case(path, mask, (), allowed)


def test_a_mask_of_another_shape_is_refused(tmp_path, write, scan, seg):
    path, mask = write(tmp_path / "a.nii", scan), write(tmp_path / "seg.nii", seg[:-1])
    with pytest.raises(
        DataError, match=r"seg\.nii' has shape \(11, 14, 10\) but 'a\.nii' \(12, 14"
    ):
        nifti.read_case(path, mask)


def test_a_mask_elsewhere_is_refused_but_rounding_is_not(tmp_path, write, scan, seg):
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    path = write(tmp_path / "a.nii", scan, affine=affine)
    affine[0, 3] = 5e-4
    near = write(tmp_path / "near.nii", seg, affine=affine)
    affine[0, 3] = 2
    far = write(tmp_path / "far.nii", seg, affine=affine)
    assert nifti.read_case(path, near).truth.sum() == 10
    with pytest.raises(DataError, match=r"far\.nii' lies elsewhere than 'a\.nii' .* up to 2\)"):
        nifti.read_case(path, far)


@pytest.mark.parametrize("axcodes", ["RAS", "LPS", "PIR", "SLA"])
def test_values_go_back_into_the_axis_order_of_the_file(tmp_path, write, scan, axcodes):
    path, out = write(tmp_path / "in.nii.gz", scan, axcodes), tmp_path / "out.nii.gz"
    x, y, z = np.indices(scan.shape)
    values = (x + 100 * y + 10000 * z) / 7
    nifti.write_like(path, values, out)
    source, written = nib.load(path), nib.load(out)
    assert nib.aff2axcodes(written.affine) == tuple(axcodes)
    assert written.get_data_dtype() == np.float32
    np.testing.assert_allclose(written.affine, source.affine)
    back = nib.as_closest_canonical(written).get_fdata()
    np.testing.assert_array_equal(back, values.astype(np.float32))


def test_the_scan_s_scale_and_window_do_not_touch_written_values(tmp_path, scan):
    image = nib.Nifti1Image(scan.astype(np.int16), np.eye(4))
    image.header.set_slope_inter(2, 5)
    image.header["cal_max"] = 900
    nib.save(image, tmp_path / "in.nii")
    nifti.write_like(tmp_path / "in.nii", scan / 9, tmp_path / "out.nii")
    written = nib.load(tmp_path / "out.nii")
    np.testing.assert_array_equal(written.get_fdata(), (scan / 9).astype(np.float32))
    assert float(written.header["cal_max"]) == 0


def test_writing_what_does_not_fit_or_nowhere_fails(tmp_path, write, scan):
    path = write(tmp_path / "in.nii", scan)
    with pytest.raises(ValueError, match="do not fit"):
        nifti.write_like(path, scan[:-1], tmp_path / "out.nii")
    with pytest.raises(StorageError, match="cannot be written"):
        nifti.write_like(path, scan, path / "out.nii")


def sheared(degrees):
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    affine[1, 2] = np.tan(np.radians(degrees)) * 5
    return affine


@pytest.mark.parametrize(("unit", "of_mm"), [("mm", 1), ("meter", 1e-3), ("micron", 1e3)])
def test_lengths_are_in_the_header_s_unit(tmp_path, scan, unit, of_mm):
    affine = np.diag([2.0 * of_mm, 3 * of_mm, 4 * of_mm, 1])
    affine[:3, 3] = 7 * of_mm
    image = nib.Nifti1Image(scan, affine)
    image.header.set_xyzt_units(unit)
    image.set_sform(affine, 1)
    nib.save(image, tmp_path / "scan.nii")
    found = nifti.read_case(tmp_path / "scan.nii")
    assert found.spacing_mm == pytest.approx((2, 3, 4))
    np.testing.assert_allclose(found.affine[:3, 3], 7, rtol=1e-6)
    assert found.notes == ()
    nifti.write_like(tmp_path / "scan.nii", scan, tmp_path / "out.nii")
    written = nib.load(tmp_path / "out.nii")
    np.testing.assert_allclose(written.affine, found.affine, rtol=1e-6)
    assert written.header.get_xyzt_units()[0] == "mm"


def test_axes_that_lean_are_refused_and_rounding_is_not(tmp_path, scan):
    nib.save(nib.Nifti1Image(scan, sheared(25)), tmp_path / "tilted.nii")
    with pytest.raises(DataError, match=r"axes that lean 25° from right angles"):
        nifti.read_case(tmp_path / "tilted.nii")
    nib.save(nib.Nifti1Image(scan, sheared(0.3)), tmp_path / "rounded.nii")
    found = nifti.read_case(tmp_path / "rounded.nii")
    assert np.prod(found.spacing_mm) == pytest.approx(20, rel=1e-4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (np.diag([-1.0, 1, 1, 1]), "exchange left and right"),
        (np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * 9, "differ by up to 9 mm"),
        (np.eye(4), None),
    ],
)
def test_two_positions_that_disagree_are_noted_and_the_sform_holds(tmp_path, scan, change, words):
    affine = np.diag([2.0, 2, 2, 1])
    image = nib.Nifti1Image(scan, affine)
    image.set_sform(affine, 2)
    image.set_qform(change @ affine, 1)
    nib.save(image, tmp_path / "scan.nii")
    found = nifti.read_case(tmp_path / "scan.nii")
    np.testing.assert_array_equal(found.affine, affine)
    assert [words in note for note in found.notes] == ([True] if words else [])


@pytest.mark.parametrize("more", [(1,), (1, 1), (1, 1, 1, 1)])
def test_a_file_of_one_volume_may_have_more_dimensions(tmp_path, scan, more):
    image = nib.Nifti1Image(scan.astype(np.int16).reshape(*scan.shape, *more), np.eye(4))
    image.header.set_slope_inter(0.5, 0)
    nib.save(image, tmp_path / "scan.nii.gz")
    found = nifti.read_case(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(found.intensity, scan / 2)
    nifti.write_like(tmp_path / "scan.nii.gz", scan, tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(nib.load(tmp_path / "out.nii.gz").get_fdata(), scan)


def test_labels_may_be_off_by_half_a_step_of_their_scale(tmp_path, write, scan, seg):
    slope = 4 / 255
    image = nib.Nifti1Image(np.rint(seg / slope).astype(np.uint8), np.diag([1.0, 1.5, 2, 1]))
    image.header.set_slope_inter(slope, 0)
    nib.save(image, tmp_path / "seg.nii")
    path = write(tmp_path / "a.nii", scan)
    found = nifti.read_case(path, tmp_path / "seg.nii", (1, 2, 3), (0, 1, 2, 3, 4))
    np.testing.assert_array_equal(found.labels, seg)


def test_a_written_file_names_nobody(tmp_path, scan):
    image = nib.Nifti1Image(scan, np.eye(4))
    name = b"PatientName=TEST^SYNTHETIC"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", name))
    for field, size in (("db_name", 18), ("aux_file", 24), ("intent_name", 16), ("descrip", 79)):
        image.header[field] = name[:size]
    nib.save(image, tmp_path / "in.nii")
    nifti.write_like(tmp_path / "in.nii", scan, tmp_path / "out.nii")
    assert b"PatientName" not in (tmp_path / "out.nii").read_bytes()


def test_a_scan_is_not_replaced_by_its_map(tmp_path, write, scan):
    path = write(tmp_path / "scan.nii.gz", scan)
    before = path.read_bytes()
    (tmp_path / "link.nii.gz").symlink_to(path)
    for out in (path, tmp_path / "link.nii.gz"):
        with pytest.raises(DataError, match="is the scan itself"):
            nifti.write_like(path, scan, out)
    assert path.read_bytes() == before


def test_geometry_is_that_of_nibabel_and_simpleitk(tmp_path, scan):
    """Headers drawn at random: axis orders, rotations, units, codes, scales and types."""
    sitk = pytest.importorskip("SimpleITK")
    rng = np.random.default_rng(0)
    for number in range(40):
        unit, of_mm = [("mm", 1), ("meter", 1e-3), ("micron", 1e3)][number % 3]
        turn = Rotation.random(random_state=number).as_matrix()[rng.permutation(3)]
        affine = np.eye(4)
        affine[:3, :3] = turn * rng.uniform(0.4, 6, 3) * rng.choice([-1, 1], 3)
        affine[:3, 3] = rng.uniform(-90, 90, 3)
        kind = rng.choice(["i2", "u2", "u1", "f4", "f8"])
        values = (scan / scan.max() * 200).astype(kind)
        values[3, 4, 5] = 250
        image = nib.Nifti1Image(values, np.diag([of_mm] * 3 + [1]) @ affine)
        image.set_sform(image.affine, 1)
        image.header.set_xyzt_units(unit)
        if kind != "f8":
            image.header.set_slope_inter(rng.uniform(0.1, 9), 0)
        path = tmp_path / f"{number}.nii"
        nib.save(image, path)
        found, stored = nifti.read_case(path), nib.load(path)
        itk = sitk.ReadImage(str(path))
        assert np.sort(found.spacing_mm) == pytest.approx(np.sort(itk.GetSpacing()), rel=1e-4)
        volume = np.prod(found.spacing_mm)
        assert volume == pytest.approx(abs(np.linalg.det(affine[:3, :3])), rel=1e-4)
        at = np.unravel_index(stored.get_fdata().argmax(), scan.shape)
        place = found.affine @ [
            *np.unravel_index(found.intensity.argmax(), found.intensity.shape),
            1,
        ]
        lps = itk.TransformIndexToPhysicalPoint([int(one) for one in at])
        np.testing.assert_allclose(place[:3], np.array(lps) * [-1, -1, 1], atol=0.02)
        np.testing.assert_allclose(found.intensity.max(), stored.get_fdata().max(), rtol=1e-6)
