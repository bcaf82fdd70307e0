"""Masks from a map: the threshold, the brain, the component filter."""

import numpy as np
import pytest

from zsad_core.metrics.scoring import predicted_mask, without_small
from zsad_core.types import ReadoutSpec


def test_the_threshold_itself_is_inside():
    values = np.array([[[0.79, 0.8, 0.81]]], np.float32)  # 0.8 itself is no float32
    mask = predicted_mask(values, np.ones_like(values, bool), ReadoutSpec(0.8))
    assert mask.tolist() == [[[False, True, True]]]


def test_threshold_zero_predicts_the_whole_brain():
    brain = np.array([[[True, False]]])
    values = np.zeros((1, 1, 2), np.float32)
    assert predicted_mask(values, brain, ReadoutSpec(0)).tolist() == brain.tolist()
    assert predicted_mask(values, brain, ReadoutSpec(0, brain_only=False)).all()


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"\(1, 1, 2\) and brain \(1, 1, 3\)"):
        predicted_mask(np.zeros((1, 1, 2), np.float32), np.ones((1, 1, 3), bool), ReadoutSpec())


@pytest.mark.parametrize(("fewest", "remainder"), [(0, 6), (1, 6), (2, 5), (3, 3), (4, 0)])
def test_components_under_the_limit_go(fewest, remainder):
    mask = np.zeros((6, 6, 12), bool)
    mask[0, 0, :3] = True
    mask[3, 3, 6:8] = True
    mask[5, 5, 11] = True
    retained = without_small(mask, fewest)
    assert np.count_nonzero(retained) == remainder
    assert not (retained & ~mask).any()


def test_voxels_that_touch_at_a_corner_of_the_next_slice_are_one():
    mask = np.zeros((3, 3, 3), bool)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[2, 2, 2] = True
    assert without_small(mask, 3).sum() == 3
    mask[1, 1, 1] = False
    assert without_small(mask, 2).sum() == 0


def test_the_brain_cuts_before_components_are_counted():
    values = np.full((1, 1, 4), 200, np.float32)
    brain = np.array([[[True, False, True, True]]])
    spec = ReadoutSpec(100, min_component_voxels=2)
    assert predicted_mask(values, brain, spec).tolist() == [[[False, False, True, True]]]


def test_an_empty_mask_stays_empty():
    assert not without_small(np.zeros((2, 3, 4), bool), 5).any()
