"""The atlas that travels with the project is nilearn's, and its import is not needed."""

import nibabel as nib
import numpy as np
from nilearn import datasets

from zsad_core.datasets.anatomy import ICBM152


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
