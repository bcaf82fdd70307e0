"""What the map command reads, what it refuses to write over, and what it says of long texts."""

import shlex
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from zsad_core.cli.main import main

PROMPTS = """
name: own
source: a test
normal: ["a brain"]
abnormal: ["{text}"]
templates: []
class_name: brain
"""


@pytest.fixture
def scan(tmp_path):
    """A small stripped head, its suffix in capitals, with a name in its header."""
    values = np.zeros((24, 26, 6), np.int16)
    values[5:18, 6:20, 2:4] = 100 + np.arange(14)[:, None]
    image = nib.Nifti1Image(values, np.diag([2.0, 2, 4, 1]))
    image.header["db_name"] = b"TEST^SYNTHETIC"
    path = tmp_path / "SCAN.NII.GZ"
    path.write_bytes(nib.Nifti1Image.to_bytes(image))
    return path


def test_a_map_names_nobody_and_a_name_in_capitals_is_a_scan(tmp_path, scan):
    out = tmp_path / "map.nii.gz"
    assert main(["map", str(scan), "--method", "intensity", "--out", str(out)]) == 0
    assert nib.load(out).shape == (24, 26, 6)
    assert b"SYNTHETIC" not in nib.load(out).to_bytes()


def test_what_is_to_know_of_a_scan_is_said(tmp_path, scan, capsys):
    image = nib.Nifti1Image.from_bytes(scan.read_bytes())
    image.set_sform(image.affine, 1)
    image.set_qform(np.diag([-1.0, 1, 1, 1]) @ image.affine, 1)
    nib.save(image, tmp_path / "two.nii.gz")
    out = str(tmp_path / "map.nii.gz")
    assert main(["map", str(tmp_path / "two.nii.gz"), "--method", "intensity", "--out", out]) == 0
    assert "note: The two positions in the header" in capsys.readouterr().out


def test_an_input_is_not_written_over(tmp_path, scan, capsys):
    scan = scan.rename(tmp_path / "scan.nii.gz")
    link = tmp_path / "link.nii.gz"
    link.symlink_to(scan)
    before = scan.read_bytes()
    for out in (scan, link):
        assert main(["map", str(scan), "--method", "intensity", "--out", str(out)]) == 1
        assert "is one of the inputs" in capsys.readouterr().err
    beside = tmp_path / "beside.nii.gz"
    beside.write_bytes(before)
    command = ["map", str(scan), "--method", "mutual3d", "--beside", str(beside)]
    assert main([*command, "--out", str(beside)]) == 1
    reference = ["map", str(beside), "--method", "winclip", "--reference", f"{scan}:3"]
    assert main([*reference, "--out", str(scan)]) == 1
    assert scan.read_bytes() == beside.read_bytes() == before


@pytest.mark.parametrize("kinds", ["DD", "D8", "88", "D"])
def test_images_that_are_each_scaled_are_said_to_be(tmp_path, capsys, kinds):
    paths = [tmp_path / f"{number}.png" for number in range(len(kinds))]
    for path, kind in zip(paths, kinds, strict=True):
        values = np.full((32, 32), 90, np.uint8 if kind == "8" else np.uint16)
        Image.fromarray(values).save(path)
    command = ["map", *map(str, paths), "--method", "intensity", "--out"]
    assert main([*command, str(tmp_path / "a.npz")]) == 0
    said = "do not compare between these images" in capsys.readouterr().out
    assert said == (kinds in {"DD", "D8"})


def test_without_a_folder_for_temporary_files_there_is_a_sentence(tmp_path, scan):
    program = [sys.executable, "-m", "zsad_core", "map", str(scan), "--method", "intensity"]
    limited = f"ulimit -f 0; trap '' XFSZ; {shlex.join([*program, '--out', 'map.nii.gz'])}"
    ended = subprocess.run(["bash", "-c", limited], cwd=tmp_path, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (
        1,
        "error: No folder takes temporary files; make room in the system's, or name another by "
        "TMPDIR.\n",
    )


@pytest.mark.parametrize(("words", "cut"), [(5, False), (90, True)])
def test_texts_that_are_cut_are_said(tmp_path, capsys, words, cut):
    Image.fromarray(np.full((32, 32), 90, np.uint8)).save(tmp_path / "a.png")
    texts = tmp_path / "texts.yaml"
    texts.write_text(PROMPTS.format(text=" ".join(["sick"] * words)))
    asked = ["map", str(tmp_path / "a.png"), "--method", "winclip", "--prompts", str(texts)]
    assert main([*asked, "--device", "cpu", "--out", str(tmp_path / "a.npz")]) == 0
    assert (
        "longer than the text tower reads: only the first 77 tokens count"
        in capsys.readouterr().out
    ) == cut
