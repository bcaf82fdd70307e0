"""Files whose label 4 is a tumour since one answer and a cavity since another: two truths."""

import json

import nibabel as nib
import numpy as np

from zsad_core.inference.engine import Engine
from zsad_core.types import DataSpec, SliceSpec

NAME = "BraTS-GLI-00001-000"
STEP = 2.0
VIEWER = ".z-root"


def write(folder):
    """A brain with a lesion of one brightness: label 2, and 4 in its middle. Returns the labels."""
    shape = (60, 70, 50)
    affine = np.diag([STEP, STEP, STEP, 1.0])
    affine[:3, 3] = -STEP * (np.array(shape) - 1) / 2
    at = np.stack(np.indices(shape), -1) @ affine[:3, :3].T + affine[:3, 3]
    far = ((at - [18, 22, 14]) ** 2).sum(-1)
    seg = np.where(far < 6**2, 4, np.where(far < 8**2, 2, 0)).astype(np.uint8)
    brain = ((at / [40, 52, 38]) ** 2).sum(-1) < 1
    scan = np.where(seg > 0, 220, np.where(brain, 100 + 10 * np.sin(at[..., 0] / 7), 0))
    folder.mkdir()
    nib.save(nib.Nifti1Image(scan.astype(np.int16), affine), folder / f"{NAME}-t2f.nii.gz")
    nib.save(nib.Nifti1Image(seg, affine), folder / f"{NAME}-seg.nii.gz")
    return seg


def test_the_viewer_shows_the_truth_of_the_meaning_that_was_chosen(app, user, tmp_path):
    page, server = app
    root = tmp_path / "data"
    root.mkdir()
    seg = write(root / NAME)
    settings = user / "settings.json"
    before = settings.read_text()
    truths = {"2023": int((seg == 2).sum()), "2021": int((seg > 0).sum())}
    assert truths["2021"] == 280
    try:
        for meaning, truth in truths.items():
            kept = {"kind": "brats", "root": str(root), "labels": meaning}
            settings.write_text(json.dumps({"data": [kept]}))
            slices = SliceSpec(DataSpec("brats", str(root), meaning), NAME, "t2f")
            assert Engine(device="cpu").stack(slices).truth.sum() == truth
            choice = {"data": f"brats:{root}", "subject": NAME, "method": "intensity"}
            page.goto(server.address("Explore", **choice, modality="t2f", rule="oracle"))
            for _ in range(2):  # opened, then reloaded
                page.get_by_text("(oracle: best").wait_for()
                whole = page.locator(f'{VIEWER}[data-volume-counts*=","]')
                counts = whole.get_attribute("data-volume-counts")
                both, false, missed = map(int, counts.split(","))
                assert both + missed == truth
                if meaning == "2021":  # all of the lesion and nothing else is that bright
                    assert (false, missed) == (0, 0)
                    page.get_by_text("1.000").first.wait_for()
                page.reload()
    finally:
        settings.write_text(before)
