"""`evaluate`: folders with files that are not as they must be; the command of a cohort."""

import argparse
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bench.app_server import ROOT
from tests.helpers.brats import patients
from zsad_core.cli.evaluate import add_evaluate, cohort_of, command
from zsad_core.cli.main import main
from zsad_core.evaluation import choosing
from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Cohort
from zsad_core.inference.engine import Engine
from zsad_core.report import overview
from zsad_core.report.comparison_groups import comparison_groups
from zsad_core.report.selection import Selection, selected_rows
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, ReadoutSpec


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


def test_rows_are_added_to_rows_and_to_no_other_folder(tmp_path, capsys):
    data, out = patients(tmp_path, 1, 1).root, tmp_path / "rows"
    asked = ["evaluate", "--data", data, "--no-split", "--methods", "intensity", "--device", "cpu"]
    for rule in ("oracle", "50%"):
        assert main([*asked, "--threshold", rule, "--out", str(out)]) == 0
    assert len(rows_of(out)) == 2
    capsys.readouterr()
    before = sorted(os.listdir(data))
    assert main([*asked, "--threshold", "oracle", "--out", data]) == 1
    assert "holds something else ('BraTS-MET-00000-000')" in capsys.readouterr().err
    assert sorted(os.listdir(data)) == before


def rows_of(folder):
    """The keys of all rows and their Dice."""
    with results.connect(folder) as rows:
        return rows.sql("SELECT key, dice_3d FROM subjects ORDER BY key").fetchall()


def test_the_command_of_a_cohort_makes_its_rows(tmp_path, capsys):
    spec = DataSpec("demo-2mm")
    cohort = Cohort(
        spec,
        choosing.configurations(choosing.pairs(["intensity"], (), 2, spec)[0]),
        tmp_path / "rows of one",
        "test",
        ("DEMO-MET-013-000",),
        rules=("oracle", "50%"),
        readout=ReadoutSpec(brain_only=False, min_component_voxels=5),
    )
    engine = Engine()
    run(engine, cohort, local(engine))
    words = shlex.split(command(replace(cohort, out=tmp_path / "rows of two")))
    assert words[:3] == ["python", "-m", "zsad_core"]
    assert main(words[3:]) == 0
    assert rows_of(tmp_path / "rows of two") == rows_of(tmp_path / "rows of one")
    assert len(rows_of(tmp_path / "rows of one")) == 2


@pytest.mark.parametrize("prompts", [[], ["medical", "appearance"]])
@pytest.mark.parametrize("labels", ["auto", "2021"])
@pytest.mark.parametrize("setups", [[], ["brats", "pmc"]])
def test_every_choice_of_a_cohort_is_in_its_command(tmp_path, prompts, labels, setups):
    volume = nib.Nifti1Image(np.ones((8, 8, 8), np.int16), np.eye(4))
    nib.save(volume, tmp_path / "it's_t2f.nii.gz")
    spec = DataSpec("folder", str(tmp_path), labels, contrast="t1c")
    pairs, _ = choosing.pairs(["aprilgan", "intensity"], setups, 1, spec)
    rules = ("oracle", "0.25")
    cohort = Cohort(spec, choosing.configurations(pairs, prompts), tmp_path / "out", modality="t1c",
        names=("it's",), rules=rules)  # fmt: skip
    parser = argparse.ArgumentParser()
    add_evaluate(parser)
    parsed = parser.parse_args(shlex.split(command(cohort))[4:])
    assert cohort_of(parsed)[0] == cohort


def test_the_summary_is_of_the_subjects_that_were_asked_for(tmp_path, capsys):
    asked = ["evaluate", "--data", "demo-2mm", "--methods", "intensity"]
    asked += ["--threshold", "oracle", "--device", "cpu", "--out", str(tmp_path / "rows")]
    for subject in ("DEMO-MET-013-000", "DEMO-MET-014-000"):
        assert main([*asked, "--subjects", subject]) == 0
    with results.connect(tmp_path / "rows") as rows:
        found = rows.sql("SELECT dice_3d FROM subjects WHERE subject = 'DEMO-MET-014-000'")
        [(dice,)] = found.fetchall()
    *lines, interval, _ = capsys.readouterr().out.splitlines()
    header, row = (line.split() for line in lines[-2:])
    last = dict(zip(reversed(header), reversed(row), strict=False))
    assert (last["subjects"], last["dice"]) == ("1", f"{dice:.3f}")
    assert interval == overview.INTERVAL


def test_the_summary_keeps_thresholds_apart_and_leaves_other_planes_out(tmp_path, capsys):
    asked = ["evaluate", "--data", "demo-2mm", "--methods", "intensity", "--device", "cpu"]
    asked += ["--subjects", "DEMO-MET-013-000", "--out", str(tmp_path / "rows")]
    assert main([*asked, "--plane", "coronal", "--threshold", "40%"]) == 0
    assert main([*asked, "--threshold", "40%", "60%"]) == 0
    found = capsys.readouterr().out.splitlines()[-4:-2]  # then of intervals, and the folder
    with results.connect(tmp_path / "rows") as rows:
        asked_for = "SELECT threshold_note, dice_3d FROM subjects WHERE plane = 'axial' ORDER BY 1"
        axial = rows.sql(asked_for).fetchall()
    for line, (threshold, dice) in zip(found, axial, strict=True):
        assert threshold in line
        assert f" 1 {dice:.3f} " in " ".join(line.split())


def test_rows_of_other_lesion_labels_are_no_part_of_a_mean(tmp_path, capsys):
    data, out = patients(tmp_path, 2, 1).root, tmp_path / "rows"
    scan = next(Path(data).glob("*/*-seg.nii.gz"))
    image = nib.load(scan)
    labels = np.asarray(image.dataobj).copy()
    labels[9:][labels[9:] > 0] = 4  # a cavity, or tumour by the convention of 2021
    nib.save(nib.Nifti1Image(labels, image.affine), scan)
    asked = ["evaluate", "--data", data, "--no-split", "--methods", "intensity", "--device", "cpu"]
    # The scan without label 4 has equal numbers in all; "auto" is the convention of 2023 here.
    for meaning in ("auto", "2021", "2023", "1,2,3"):
        assert main([*asked, "--threshold", "oracle", "--labels", meaning, "--out", str(out)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "zero-shot" in line]
    before, *after = (line[line.index("False") + 1 :][:2] for line in lines)
    assert sorted(after) == [before] * 3 + [["2", "1.000"]] * 3
    with results.connect(out) as rows:
        groups = {group.threshold: group for group in comparison_groups(rows)}
        assert groups.keys() == {"oracle", "oracle, lesion labels 1,2,4"}
        for threshold, group in groups.items():
            assert len(selected_rows(rows, Selection(group))) == 2, threshold


def test_parts_of_an_array_job_make_the_rows_of_one_run(tmp_path):
    """The recipe for a batch system, with the command on the path as on a node."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    command = bin_folder / "zsad"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m zsad_core "$@"\n')
    command.chmod(0o755)
    asked = ["--data", "demo-2mm", "--methods", "intensity", "--device", "cpu"]
    asked += ["--threshold", "validation", "oracle"]
    assert main(["evaluate", *asked, "--out", str(tmp_path / "whole")]) == 0
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    environment |= {"PYTHONPATH": str(ROOT), "SLURM_ARRAY_TASK_COUNT": "2"}
    running = [
        subprocess.Popen(
            ["sh", ROOT / "deploy" / "slurm.sh", *asked, "--out", tmp_path / "parts"],
            env={**environment, "SLURM_ARRAY_TASK_ID": number},
            stdout=subprocess.DEVNULL,
        )
        for number in ("1", "2")
    ]
    assert [process.wait() for process in running] == [0, 0]
    assert rows_of(tmp_path / "parts") == rows_of(tmp_path / "whole") != []


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "99/99"])
def test_a_part_that_is_none_is_refused(part, tmp_path, capsys):
    asked = ["evaluate", "--data", "demo-2mm", "--methods", "intensity", "--part", part]
    assert main([*asked, "--out", str(tmp_path / "rows")]) == 1
    assert f"--part is '{part}'" in capsys.readouterr().err
