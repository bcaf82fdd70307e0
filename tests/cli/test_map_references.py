"""Normal slices on the command line: image files, slices of a scan, and what is refused."""

import nibabel as nib
import numpy as np
import pytest

from tests.helpers.weights import small_backbone
from zsad_core.cli.main import main


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    config, weights = small_backbone(tmp_path_factory.mktemp("clip"))
    return ["--backbone", str(config), "--weights", str(weights)]


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """Eight slices, the first and the last empty."""
    values = np.zeros((20, 24, 8), np.int16)
    values[6:15, 7:16, 1:-1] = np.random.default_rng(5).integers(50, 900, (9, 9, 6))
    path = tmp_path_factory.mktemp("scan") / "a.nii.gz"
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)
    return path


def mapped(scan, backbone, out, *references, method="winclip"):
    asked = [part for one in references for part in ("--reference", one)]
    found = main(["map", str(scan), "--method", method, "--out", str(out), *backbone, *asked])
    return nib.load(out).get_fdata() if found == 0 else None


def test_a_slice_of_a_scan_halves_its_own_map(scan, backbone, tmp_path):
    zero = mapped(scan, backbone, tmp_path / "zero.nii.gz")
    few = mapped(scan, backbone, tmp_path / "few.nii.gz", f"{scan}:3")
    np.testing.assert_allclose(few[:, :, 2], zero[:, :, 2] / 2, atol=1e-4)
    assert np.abs(few[:, :, 4] - zero[:, :, 4] / 2).max() > 1e-3


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        (":1", "'1' is no slice with brain of this scan; give one of 2 to 7"),
        (":9", "'9' is no slice with brain"),
        (":x", "'x' is no slice with brain"),
        (":" + "9" * 5000, "is no slice with brain"),
        ("", "names no slice; write"),
        (".png", "There is no file"),
    ],
)
def test_what_is_no_slice_is_refused(scan, backbone, tmp_path, capsys, reference, words):
    assert mapped(scan, backbone, tmp_path / "few.nii.gz", f"{scan}{reference}") is None
    assert words in capsys.readouterr().err


def test_a_method_that_reads_no_normal_slices_says_so(scan, tmp_path, capsys):
    out = tmp_path / "few.nii.gz"
    assert mapped(scan, [], out, f"{scan}:3", method="intensity") is None
    assert "'intensity' reads no normal slices" in capsys.readouterr().err
