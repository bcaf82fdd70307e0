"""A scan to search prompts on, and an engine of its own."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from zsad_core.base.store import Store
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec


@pytest.fixture
def spec(tmp_path):
    """WinCLIP on a scan of 8 filled slices with a lesion in the upper ones, its own store."""
    values, truth = np.zeros((20, 24, 10), np.int16), np.zeros((20, 24, 10), np.uint8)
    values[4:16, 5:20, 1:-1] = np.random.default_rng(5).integers(50, 900, (12, 15, 8))
    truth[6:9, 8:12, 5:-1] = 1
    (tmp_path / "data").mkdir()
    for name, array in (("a", values), ("a_seg", truth), ("b", values)):
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "data" / f"{name}.nii.gz")
    slices = SliceSpec(DataSpec("folder", str(tmp_path / "data")), "a", "scan")
    pair = prompt_sets.shipped()["minimal-pair"]
    found = pipeline.map_spec(Engine(), slices, "winclip", "zero-shot", pair)
    return replace(found, features=replace(found.features, precision="float32"))


@pytest.fixture
def engine(tmp_path):
    return Engine(Store(tmp_path / "store"), "cpu")
