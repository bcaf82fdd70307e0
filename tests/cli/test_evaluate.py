"""What `evaluate` says of a folder with files that are not as they must be."""

import os

import nibabel as nib
import numpy as np

from zsad_core.cli.main import main
from zsad_core.results import parquet as results


def test_a_name_that_is_no_text_is_said_and_the_other_subject_evaluated(tmp_path, capsys):
    data, out = tmp_path / "data", tmp_path / "rows"
    data.mkdir()
    values = np.zeros((20, 24, 8), np.int16)
    values[4:15, 5:19, 2:6] = 100
    values[8:11, 9:13, 3:5] = 220
    for name in (b"good", b"M\xfcller"):
        for end, array in ((b".nii", values), (b"_seg.nii", (values > 200).astype(np.uint8))):
            nib.save(nib.Nifti1Image(array, np.diag([2.0, 2, 4, 1])), data / "x.nii")
            os.rename(data / "x.nii", os.fsencode(data) + b"/" + name + end)
    asked = ["evaluate", "--data", str(data), "--kind", "folder", "--no-split"]
    asked += ["--methods", "intensity", "--threshold", "oracle", "--device", "cpu"]
    assert main([*asked, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Left out: M\\xfcller. The name '" in said
    assert "is no text (UTF-8); rename it." in said
    with results.connect(out) as rows:
        assert rows.sql("SELECT subject, dice_3d FROM subjects").fetchall() == [("good", 1.0)]
