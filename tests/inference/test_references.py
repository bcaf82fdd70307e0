"""Normal slices as text, and picking clear ones."""

from dataclasses import replace

import numpy as np
import pytest

from zsad_core.errors import SettingError
from zsad_core.imaging import slicing
from zsad_core.inference.references import clear_slices, parsed, written
from zsad_core.types import SliceSpec, SliceStack

BRAIN = np.zeros((20, 4, 4), bool)
BRAIN[4:17] = True
TRUTH = np.zeros_like(BRAIN)
TRUTH[9:12, 1, 1] = True
STACK = SliceStack(BRAIN * np.uint8(90), BRAIN, TRUTH, (0, 1), 0.001, (1, 1))


def test_a_slice_is_read_back_as_it_was_written():
    slices = SliceSpec(subject="shown", modality="t1c")
    found = parsed("BraTS:1-a:61", slices)
    assert found.slices == replace(slices, subject="BraTS:1-a")
    assert written(found) == "BraTS:1-a:61"


@pytest.mark.parametrize("text", ["", "61", ":61", "A:", "A:0", "A:-3", "A:six"])
def test_what_names_no_slice_is_refused(text):
    with pytest.raises(SettingError, match="is no slice; write SUBJECT:NUMBER"):
        parsed(text, SliceSpec())


@pytest.mark.parametrize(("near", "count"), [(-1.0, 2), (0.0, 3), (0.9, 8), (0.0, 40)])
def test_picked_slices_are_clear_and_around_the_depth(near, count):
    found = clear_slices(STACK, near, count)
    clear = [s for s in range(20) if BRAIN[s].any() and not TRUTH[s].any()]
    assert set(found) <= set(clear)
    assert len(found) == min(count, len(clear))
    away = np.abs(slicing.depths(BRAIN) - near)
    left_out = away[[s for s in clear if s not in found]]
    if count < len(clear):
        assert away[found].max() <= max(0.25, left_out.min())


def test_without_truth_nothing_is_known_to_be_clear():
    assert clear_slices(replace(STACK, truth=None), 0.0, 3) == []
