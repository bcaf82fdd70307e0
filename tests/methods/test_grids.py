"""Enlarging where patches reach is enlarging everywhere."""

import pytest
import torch

from zsad_core.methods.grids import enlarged, reach, spread

FILL = -20.0


@pytest.mark.parametrize("seed", range(3))
def test_pixels_out_of_reach_hold_the_fill_and_the_others_are_those_of_the_whole(seed):
    torch.manual_seed(seed)
    retained = torch.zeros(3, 12, 12, dtype=torch.bool)
    retained[:, 4:8, 2 + seed : 5] = torch.rand(3, 4, 3 - seed) < 0.6
    grids = spread(torch.rand(int(retained.sum())), retained, FILL)
    whole, within = enlarged(grids, 40, align_corners=True), reach(retained, 40)
    outside = torch.ones_like(whole, dtype=torch.bool)
    outside[:, *within] = False
    torch.testing.assert_close(whole[outside], torch.full_like(whole[outside], FILL))
    part = enlarged(grids, 40, align_corners=True, within=within)
    torch.testing.assert_close(part, whole[:, *within])
    assert 0 < part.numel() < whole.numel() / 2


def test_no_patch_reaches_no_pixel():
    within = reach(torch.zeros(2, 6, 6, dtype=torch.bool), 20)
    assert enlarged(torch.zeros(2, 6, 6), 20, align_corners=True, within=within).numel() == 0
