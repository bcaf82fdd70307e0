"""Surface metrics by hand, against surface-distance's own functions, and in every empty case."""

import warnings

import numpy as np
import pytest
import surface_distance
from scipy import ndimage

from zsad_core.metrics.surfaces import hd95_mm, nsd, surfaces

DEFINITIONS = ("elements", "voxels")
SHAPE = (12, 14, 11)


def block(first, last):
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = True
    return mask


CUBE = block((3, 3, 3), (7, 7, 7))
EMPTY = np.zeros(SHAPE, bool)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_mask_lies_on_itself(definition):
    distances = surfaces(CUBE, CUBE, (1, 1, 1), definition)
    assert (hd95_mm(distances), nsd(distances, 0)) == (0, 1)


@pytest.mark.parametrize(("axis", "steps"), [(0, 2), (1, 3), (2, 1)])
def test_a_shift_is_told_in_mm_along_its_axis(axis, steps):
    voxel, spacing = block((2, 2, 2), (3, 3, 3)), (3.0, 0.5, 1.0)
    shifted = np.roll(voxel, steps, axis)
    assert hd95_mm(surfaces(voxel, shifted, spacing, "voxels")) == steps * spacing[axis]


def test_two_voxels_by_hand():
    first, second = block((0, 0, 0), (1, 1, 1)), block((0, 0, 3), (1, 1, 4))
    distances = surfaces(first, second, (1, 1, 2), "voxels")
    assert distances.from_truth.tolist() == distances.from_predicted.tolist() == [6.0]
    assert (nsd(distances, 5.9), nsd(distances, 6.0)) == (0, 1)
    corners = surfaces(first, second, (1, 1, 2), "elements")
    assert np.unique(corners.from_truth).tolist() == [4.0, 6.0]  # near and far corners
    assert hd95_mm(corners) == 6.0


def test_voxels_nsd_is_the_mean_of_two_shares_and_elements_the_share_of_both():
    long, short = block((2, 2, 2), (3, 3, 10)), block((2, 2, 2), (3, 3, 4))
    distances = surfaces(long, short, (1, 1, 1), "voxels")
    assert nsd(distances, 0) == pytest.approx((2 / 8 + 2 / 2) / 2)
    weighted = surfaces(long, short, (1, 1, 1), "elements")
    near = weighted.truth_weights[weighted.from_truth == 0].sum() + weighted.predicted_weights.sum()
    area = weighted.truth_weights.sum() + weighted.predicted_weights.sum()
    far = weighted.predicted_weights[weighted.from_predicted > 0].sum()
    assert nsd(weighted, 0) == pytest.approx((near - far) / area)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_empty_masks(definition):
    for truth, predicted in ((CUBE, EMPTY), (EMPTY, CUBE)):
        distances = surfaces(truth, predicted, (1, 1, 1), definition)
        assert (hd95_mm(distances), nsd(distances, 1)) == (np.inf, 0)
    distances = surfaces(EMPTY, EMPTY, (1, 1, 1), definition)
    assert np.isnan(hd95_mm(distances))
    assert np.isnan(nsd(distances, 1))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.1, 1.9)])
def test_elements_agree_with_surface_distance(seed, spacing):
    random = np.random.default_rng(seed)
    truth = ndimage.gaussian_filter(random.random(SHAPE), 1)
    predicted = truth + ndimage.gaussian_filter(random.random(SHAPE), 1)
    truth, predicted = truth > np.quantile(truth, 0.8), predicted > np.quantile(predicted, 0.7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # names that SciPy 2 drops
        theirs = surface_distance.compute_surface_distances(truth, predicted, spacing)
    ours = surfaces(truth, predicted, spacing)
    assert hd95_mm(ours) == surface_distance.compute_robust_hausdorff(theirs, 95)
    for tolerance in (0.5, 0.7, 1, 2):
        expected = surface_distance.compute_surface_dice_at_tolerance(theirs, tolerance)
        assert nsd(ours, tolerance) == pytest.approx(expected, abs=1e-12)


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        surfaces(CUBE, CUBE[1:], (1, 1, 1))


@pytest.mark.parametrize("definition", ["elements", "voxels"])
@pytest.mark.parametrize("noise", [-1.2e-7, 1.2e-7])
def test_the_noise_of_an_oblique_header_moves_no_surface_over_the_tolerance(definition, noise):
    truth = np.zeros((8, 8, 8), bool)
    truth[2:5, 2:5, 2:5] = True
    shifted = np.roll(truth, 1, axis=0)
    assert nsd(surfaces(truth, shifted, (1.0, 1.0, 1.0), definition), 1.0) == 1
    assert nsd(surfaces(truth, shifted, (1 + noise, 1.0, 1.0), definition), 1.0) == 1
    assert nsd(surfaces(truth, shifted, (1.01, 1.0, 1.0), definition), 1.0) < 1
