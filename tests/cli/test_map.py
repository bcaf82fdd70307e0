"""The command and the app map by the same way: one map for each method of the demo.

Of a method for whole volumes `tests/inference/test_stored_cubes.py` says the same.
"""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from zsad_core import methods, setups
from zsad_core.base.memory_store import MemoryStore
from zsad_core.base.store import Store
from zsad_core.cli.main import main
from zsad_core.imaging import datasets, slicing
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec

DEMO = DataSpec("demo-2mm")
SUBJECT = "DEMO-MET-013-000"
SOME = slice(31, 34)  # the slices that are not emptied
CLOSE = 1e-3  # of the range


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A scan of the demo, all but three slices emptied."""
    found = tmp_path_factory.mktemp("scans")
    scan = nib.load(datasets.open_dataset(DEMO).file(SUBJECT, "t2f"))
    values = np.zeros(scan.shape, np.float32)
    values[..., SOME] = scan.get_fdata()[..., SOME]
    nib.save(nib.Nifti1Image(values, scan.affine), found / f"{SUBJECT}.nii.gz")
    return found


def app_map(store, folder, method, everywhere):
    """The app's map in float32, of all patches or of those near the brain, and the brain."""
    engine, slices = (
        Engine(store, "cpu"),
        SliceSpec(DataSpec("folder", str(folder)), SUBJECT, "scan"),
    )
    setup = setups.of_method(method)[0].setup
    prompts = prompt_sets.shipped()[methods.METHODS[method].prompts or "appearance"]
    spec = pipeline.map_spec(engine, slices, method, setup, prompts, precision="float32")
    recipe = spec.features.recipe
    if recipe and everywhere:
        spec = replace(spec, features=replace(spec.features, recipe=recipe.everywhere()))
    return pipeline.anomaly_map(engine, spec), engine.stack(slices).brain


@pytest.mark.parametrize("method", [n for n, one in methods.METHODS.items() if not one.compares])
def test_the_command_writes_the_map_of_the_app(folder, tmp_path, method):
    scan, out = folder / f"{SUBJECT}.nii.gz", tmp_path / "map.nii.gz"
    asked = ["map", str(scan), "--method", method, "--device", "cpu", "--out", str(out)]
    assert main(asked) == 0
    values = nib.as_closest_canonical(nib.load(out)).get_fdata(dtype=np.float32)
    written = slicing.as_slices(values)
    exact, brain = app_map(MemoryStore(), folder, method, everywhere=True)
    np.testing.assert_array_equal(written, exact.values)
    usual, _ = app_map(Store(tmp_path / "store"), folder, method, everywhere=False)
    np.testing.assert_allclose(usual.values[brain], written[brain], atol=CLOSE * usual.high)
    assert written[brain].std() > 0


def test_a_folder_is_no_scan(folder, tmp_path, capsys):
    asked = ["map", str(folder), "--method", "intensity", "--out", str(tmp_path / "map.nii.gz")]
    assert main(asked) == 1
    sentence = f"error: '{folder}' is a folder; give one NIfTI volume, or 2D images.\n"
    assert capsys.readouterr().err == sentence
