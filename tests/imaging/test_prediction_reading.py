"""Files as another program writes them, on the scan's grid and off it."""

import hashlib

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from zsad_core.errors import DataError
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.predictions.grids import Grid, grid_of
from zsad_core.imaging.predictions.reading import read, score_range
from zsad_core.imaging.predictions.sets import Predictions

SHAPE = (12, 14, 10)
SPACING = (1.0, 1.5, 2.0)
ORIGIN = (-20.0, 31.0, 7.0)  # mm, RAS
MASKS = Predictions("mine", "folder")
SCORES = Predictions("mine", "folder", "score", low=-3, high=5)
AXES = ["LPS", "RAS", "LAS", "RPI", "SLP", "PIR", "ASL"]  # as they are, flipped, permuted, both


@pytest.fixture
def truth():
    """A box of 4 x 4 x 3 voxels away from every middle."""
    box = np.zeros(SHAPE, bool)
    box[3:7, 6:10, 5:8] = True
    return box


@pytest.fixture
def scan(tmp_path):
    """The grid of a scan that lies as LAS on disk, as its volume has it."""
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = ORIGIN
    values = 1 + np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    turn = nib.orientations.axcodes2ornt("LAS")
    image = nib.Nifti1Image(values, affine).as_reoriented(turn)
    nib.save(image, tmp_path / "scan.nii.gz")
    return grid_of(nifti.read_case(tmp_path / "scan.nii.gz"))


@pytest.fixture
def write(tmp_path):
    """write((X, Y, Z) RAS+ array, axes, shift in mm RAS): by SimpleITK, whose world is LPS."""

    def to_file(array, axes="LPS", shift=(0, 0, 0), spacing=SPACING, name="case_1.nii.gz"):
        image = SimpleITK.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
        x, y, z = np.add(ORIGIN, shift)
        image.SetOrigin((-x, -y, z))
        image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
        image.SetSpacing(spacing)
        image = SimpleITK.DICOMOrient(image, axes)
        SimpleITK.WriteImage(image, str(tmp_path / name))
        return tmp_path / name

    return to_file


def dice(truth, predicted):
    return 2 * (truth & (predicted > 0)).sum() / (truth.sum() + (predicted > 0).sum())


def test_axes_really_differ_on_disk(write, truth):
    paths = [write(truth.astype(np.uint8), axes, name=f"{axes}.nii") for axes in AXES]
    assert {nib.aff2axcodes(nib.load(path).affine) for path in paths} == {*map(tuple, AXES)}


@pytest.mark.parametrize("axes", AXES)
def test_a_mask_in_any_axis_order_is_the_mask(write, scan, truth, axes):
    path = write(truth.astype(np.uint8), axes)
    found = read(MASKS, path, scan)
    np.testing.assert_array_equal(found.values, truth)
    assert (found.values.dtype, found.resampled) == (np.float32, False)
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not found.values.flags.writeable


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize(("axis", "expected"), [(0, 3 / 4), (1, 3 / 4), (2, 2 / 3)])
def test_one_voxel_off_costs_what_it_must(write, scan, truth, axes, axis, expected):
    """Of 48 voxels 36, 36 and 32 stay inside: 2 · 36 / 96 and 2 · 32 / 96."""
    for step in (-1, 1):
        predicted = np.roll(truth, step, axis).astype(np.uint8)
        found = read(MASKS, write(predicted, axes), scan)
        assert dice(truth, found.values) == pytest.approx(expected)
        np.testing.assert_array_equal(found.values, predicted)


@pytest.mark.parametrize("axes", AXES)
def test_scores_keep_their_units_and_begin_at_zero(write, scan, axes):
    values = np.linspace(-3, 5, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    found = read(SCORES, write(values, axes), scan)
    np.testing.assert_allclose(found.values, values + 3, atol=1e-6)
    assert (found.values.min(), found.values.max()) == (0, 8)


def test_a_scan_that_lies_oblique_gives_its_axes_to_the_file(tmp_path):
    """At 45° both axes point as much to the left as to the front: neither file decides."""
    turn = np.eye(4)
    turn[:2, :2] = np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    image = nib.Nifti1Image(values, turn)
    for axes in ("RAS", "PRS", "ALI", "LPI"):
        own = nib.orientations.axcodes2ornt(axes)
        moved = nib.orientations.apply_orientation(values, own)
        affine = turn @ nib.orientations.inv_ornt_aff(own, values.shape)
        nib.save(nib.Nifti1Image(moved, affine), tmp_path / "p.nii")
        scores = Predictions("mine", "folder", "score", high=23)
        found = read(scores, tmp_path / "p.nii", Grid((2, 3, 4), image.affine))
        np.testing.assert_array_equal(found.values, values)
        assert not found.resampled


def test_labels_make_the_mask_that_is_chosen(write, scan, truth):
    labels = truth * np.where(np.indices(SHAPE)[0] < 5, 2, 3).astype(np.uint8)
    path = write(labels)
    both = Predictions("mine", "folder", labels=(2, 3))
    np.testing.assert_array_equal(read(both, path, scan).values, truth)
    with pytest.raises(DataError, match=r"has 48 voxels of 2, 3 where a mask of 0, 1 is expected"):
        read(MASKS, path, scan)
    labels[0, 0, 0] = 1  # allowed, and not chosen
    assert read(both, write(labels), scan).values.sum() == 48


def test_an_empty_mask_is_a_prediction(write, scan):
    assert read(MASKS, write(np.zeros(SHAPE, np.uint8)), scan).values.sum() == 0


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (2, r"case_1\.nii\.gz' has 48 voxels of 2 where a mask of 0, 1 is expected; choose the"),
        (0.5, r"has 48 voxels of 0\.5 where .*, or add the folder as scores"),
        (-1, r"has 48 voxels of -1 where"),
        (np.nan, r"case_1\.nii\.gz' holds 48 voxels that are NaN or infinite; correct"),
        (np.inf, r"holds 48 voxels that are NaN or infinite"),
    ],
)
def test_what_is_no_mask_is_refused_with_the_value(write, scan, truth, value, sentence):
    with pytest.raises(DataError, match=sentence):
        read(MASKS, write(np.where(truth, np.float32(value), np.float32(0))), scan)


def test_of_many_stray_values_some_are_named(write, scan):
    values = np.indices(SHAPE)[0].astype(np.float32)
    with pytest.raises(DataError, match=r"has 1400 voxels of 2, 3, 4, 5, 6, … where"):
        read(MASKS, write(values), scan)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (5.25, r"case_1\.nii\.gz' holds 5\.25, beyond the range -3 to 5 of 'mine'; state a range"),
        (-3.5, r"holds -3\.5, beyond the range -3 to 5"),
        (np.nan, r"holds 48 voxels that are NaN or infinite"),
        (1e39, r"holds 48 voxels that are NaN or infinite"),
    ],
)
def test_a_score_beyond_the_range_is_refused_with_the_value(write, scan, truth, value, sentence):
    with pytest.raises(DataError, match=sentence):
        read(SCORES, write(np.where(truth, value, 0.0)), scan)


def test_a_range_that_float32_rounds_holds_its_own_ends(write, scan, truth):
    scores = Predictions("mine", "folder", "score", low=0.1, high=0.3)
    values = np.where(truth, np.float32(0.3), np.float32(0.1))
    found = read(scores, write(values), scan).values
    assert (found.min(), found.max()) == (0, pytest.approx(0.2))
    assert found.max() <= np.float32(scores.high - scores.low)


@pytest.mark.parametrize("shape", [SHAPE[:2], (*SHAPE, 2), (*SHAPE, 1, 3)])
def test_other_dimensions_are_refused(tmp_path, scan, shape):
    nib.save(nib.Nifti1Image(np.zeros(shape, np.uint8), scan.affine), tmp_path / "p.nii")
    with pytest.raises(DataError, match=rf"p\.nii' has {len(shape)} dimensions \(12 x 14"):
        read(MASKS, tmp_path / "p.nii", scan)


def test_another_grid_is_refused_with_both(write, scan, truth):
    shifted = write(truth.astype(np.uint8), "LPS", shift=(1, 0, 0))
    own = r"shape 12 x 14 x 10 and affine \(1 0 0 -19; 0 1\.5 0 31; 0 0 2 7\)"
    its = r"shape 12 x 14 x 10 and affine \(1 0 0 -20; 0 1\.5 0 31; 0 0 2 7\)"
    sentence = rf"case_1\.nii\.gz' lies on another grid: it has {own}, the scan {its}, .*resample"
    with pytest.raises(DataError, match=sentence):
        read(MASKS, shifted, scan)
    smaller = write(truth[:-1].astype(np.uint8), "SLP")
    with pytest.raises(DataError, match=r"it has shape 11 x 14 x 10 and .*scan shape 12 x 14 x 10"):
        read(MASKS, smaller, scan)


@pytest.mark.parametrize("axes", AXES)
def test_a_header_off_by_a_voxel_moves_the_mask_where_that_is_wanted(write, scan, truth, axes):
    wanted = Predictions("mine", "folder", resample=True)
    found = read(wanted, write(truth.astype(np.uint8), axes, shift=(1, 0, 0)), scan)
    assert found.resampled
    np.testing.assert_array_equal(found.values, np.roll(truth, 1, 0))
    assert dice(truth, found.values) == 3 / 4
    exact = read(wanted, write(truth.astype(np.uint8), axes), scan)
    assert (exact.resampled, dice(truth, exact.values)) == (False, 1)


def test_a_header_that_rounds_is_the_same_grid(write, scan, truth):
    mask = truth.astype(np.uint8)
    assert not read(MASKS, write(mask, shift=(0.004, 0.004, 0)), scan).resampled
    with pytest.raises(DataError, match="another grid"):
        read(MASKS, write(mask, shift=(0.02, 0, 0)), scan)


LINE = Grid((6, 1, 1), np.eye(4))
HALF = ((0.5 - ORIGIN[0], -ORIGIN[1], -ORIGIN[2]), (2.0, 1.0, 1.0))  # 2 mm, 0.5, 2.5 and 4.5 mm


def test_scores_are_resampled_linearly(write):
    path = write(np.float32([-1, 3, 7])[:, None, None], "LPS", *HALF)
    wanted = Predictions("mine", "folder", "score", low=-1, high=7, resample=True)
    found = read(wanted, path, LINE)
    assert found.values.ravel().tolist() == [0, 1, 3, 5, 7, 8]
    assert found.resampled


def test_masks_are_resampled_by_the_nearest_voxel(write):
    path = write(np.uint8([0, 2, 0])[:, None, None], "RAS", *HALF)
    found = read(Predictions("mine", "folder", labels=(2,), resample=True), path, LINE)
    assert found.values.ravel().tolist() == [0, 0, 1, 1, 0, 0]
    assert found.resampled


@pytest.mark.parametrize("kind", ["mask", "score"])
def test_beyond_what_the_file_covers_is_nothing(write, kind):
    path = write(np.float32([1, 1])[:, None, None], "LPS", *HALF)  # from -0.5 to 3.5 mm
    low = 0 if kind == "mask" else -1
    found = read(Predictions("mine", "folder", kind, low=low, resample=True), path, LINE)
    assert found.values.ravel().tolist() == [1 - low] * 4 + [0, 0]


def test_a_file_of_another_place_is_refused_though_resampled(write, scan, truth):
    path = write(truth.astype(np.uint8), shift=(500, 0, 0))
    with pytest.raises(DataError, match=r"lies wholly outside of the scan: it has shape 12 x"):
        read(Predictions("mine", "folder", resample=True), path, scan)


def test_a_header_without_orientation_is_not_resampled(tmp_path, scan, truth):
    image = nib.Nifti1Image(truth.astype(np.uint8), None)
    image.header["qform_code"] = image.header["sform_code"] = 0
    nib.save(image, tmp_path / "p.nii")
    with pytest.raises(DataError, match=r"p\.nii' names no orientation in its header and has sha"):
        read(Predictions("mine", "folder", resample=True), tmp_path / "p.nii", scan)


def test_the_range_is_that_of_all_files(write):
    one = write(np.full(SHAPE, 0.25, np.float32), name="a.nii.gz")
    other = write(np.linspace(-2, 7.5, np.prod(SHAPE)).reshape(SHAPE), name="b.nii.gz")
    steps = []
    assert score_range([one, other], lambda *step: steps.append(step)) == (-2, 7.5)
    assert steps == [(0, 2), (1, 2), (2, 2)]
    with pytest.raises(DataError, match=r"Every voxel of the 1 files holds 0\.25; state the range"):
        score_range([one])
    with pytest.raises(DataError, match="no file to find a range in"):
        score_range([])
    wrong = write(np.full(SHAPE, np.nan, np.float32), name="c.nii.gz")
    with pytest.raises(DataError, match=r"c\.nii\.gz' holds 1680 voxels that are NaN"):
        score_range([one, wrong])
