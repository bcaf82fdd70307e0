"""The command line among others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.rows import put
from zsad_core.base.atomic import OUTPUT_MARK
from zsad_core.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_who_reads_no_further_hears_no_complaint(unbuffered):
    command = [sys.executable, "-m", "zsad_core", "doctor"]
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


@pytest.mark.parametrize("command", ["export", "figures", "deck"])
def test_a_folder_that_holds_something_else_is_left_alone(command, tmp_path, capsys):
    put(tmp_path / "rows", "a")
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    rows = [] if command == "deck" else ["--results", str(tmp_path / "rows")]
    assert main([command, *rows, "--out", str(out)]) == 1
    assert f"'{out}' holds something else ('thesis.tex'); choose a new" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_earlier_output_is_replaced_and_a_hidden_file_is_no_reason_to_refuse(tmp_path, capsys):
    put(tmp_path / "rows", "a")
    out = tmp_path / "out"
    out.mkdir()
    (out / ".DS_Store").write_text("")
    for _ in range(2):
        assert main(["export", "--results", str(tmp_path / "rows"), "--out", str(out)]) == 0
        assert (out / OUTPUT_MARK).exists()
    assert (out / "subjects.csv").exists()


def test_train_takes_a_backbone_without_a_method(capsys):
    assert main(["train", "--backbone", "nothing"]) == 1
    assert "There is no demo backbone 'nothing'" in capsys.readouterr().err
