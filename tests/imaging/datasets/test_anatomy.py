"""The atlas that travels with the project is nilearn's, and its import is not needed."""

import nibabel as nib
import numpy as np
import pytest
from nilearn import datasets
from scipy import ndimage

from zsad_core.imaging.datasets import anatomy
from zsad_core.imaging.datasets.anatomy import ICBM152


def test_the_atlas_is_that_of_nilearn():
    atlas = nib.load(ICBM152)
    grey, white, mask = np.moveaxis(np.asanyarray(atlas.dataobj), -1, 0)
    theirs = datasets.load_mni152_gm_template(resolution=1)
    np.testing.assert_array_equal(atlas.affine, theirs.affine)
    for own, load in (
        (grey, datasets.load_mni152_gm_template),
        (white, datasets.load_mni152_wm_template),
    ):
        found = load(resolution=1).get_fdata(dtype=np.float32)
        np.testing.assert_array_equal(own.astype(np.float32) / 255, found)
    found = datasets.load_mni152_brain_mask(resolution=1).get_fdata() > 0
    np.testing.assert_array_equal(mask > 0, found)


@pytest.mark.parametrize("seed", [1, 26])
def test_a_brain_is_what_the_whole_warped_template_gives(seed):
    shape, found = (60, 60, 39), anatomy.healthy(seed, 4.0)
    rng = np.random.default_rng([anatomy.GENERATOR_VERSION, seed])
    box, where = anatomy._coordinates(rng, shape, 4.0)
    whole = [ndimage.map_coordinates(tissue, where, order=1) for tissue in anatomy.template()]
    labels, _ = ndimage.label(sum(whole) > 0.5)
    largest = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    brain = ndimage.binary_fill_holes(largest)
    np.testing.assert_array_equal(found.brain[box], brain)
    assert found.brain.sum() == brain.sum()
    np.testing.assert_array_equal(found.white[box], np.where(brain, whole[1], 0))
    assert all((values[~found.brain] == 0).all() for values in found.contrasts.values())
    assert all((values[found.brain] >= 1).all() for values in found.contrasts.values())


def test_holes_are_filled_and_small_pieces_dropped():
    mask = np.zeros((7, 7, 7), bool)
    mask[1:6, 1:6, 1:6] = True
    mask[3, 3, 3] = mask[1, 1, 1] = False  # a hole, and a corner that is open
    expected = mask.copy()
    expected[3, 3, 3] = True
    mask[6, 6, 0] = True  # touches nothing
    np.testing.assert_array_equal(anatomy._one_piece(mask), expected)
