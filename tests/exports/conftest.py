"""Views to export: of the 2 mm demo, and of a scan whose name is as hostile as a name can be."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from tests.helpers.views import HOSTILE, view_of
from zsad_core.inference.engine import Engine
from zsad_core.types import DataSpec, ReadoutSpec


@pytest.fixture(scope="session")
def engine():
    return Engine()


@pytest.fixture(scope="session")
def view(engine):
    """A synthetic subject with lesions."""
    return view_of(engine, DataSpec("demo-2mm"), "DEMO-MET-013-000", "t2f")


@pytest.fixture(scope="session")
def turned(engine):
    """A synthetic subject whose file has its axes in another order."""
    return view_of(engine, DataSpec("demo-2mm"), "DEMO-MET-027-000", "t2f")


@pytest.fixture
def hostile(engine, tmp_path):
    """A scan without truth, of that name, in a folder of that name."""
    folder = tmp_path / HOSTILE
    folder.mkdir()
    x, y, z = np.indices((20, 24, 10))
    inside = (x - 10) ** 2 + (y - 12) ** 2 < 60
    image = nib.Nifti1Image((inside * (100 + 10 * z + x)).astype(np.int16), np.diag([1, 2, 3, 1.0]))
    image.header["descrip"] = b"somebody's scanner"
    nib.save(image, folder / f"{HOSTILE}.nii.gz")
    found = view_of(engine, DataSpec("folder", str(folder)), HOSTILE, "scan")
    return replace(found, readout=ReadoutSpec(brain_only=False, min_component_voxels=3))
