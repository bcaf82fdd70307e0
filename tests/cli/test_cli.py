"""The command line among others."""

import contextlib
import io
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


@pytest.mark.parametrize(
    ("buffering", "words"),
    [
        (-1, "error: The output cannot be written (No space left on device); send it"),
        (0, "error: The output or a file cannot be read or written (No space left on device)"),
    ],
)
def test_an_output_that_is_full_is_told(tmp_path, capsys, buffering, words):
    put(tmp_path / "rows", "a")
    rows, out = tmp_path / "rows", tmp_path / "out"
    with open("/dev/full", "wb", buffering) as raw:
        full = io.TextIOWrapper(raw, write_through=not buffering)
        with contextlib.redirect_stdout(full):
            assert main(["export", "--results", str(rows), "--out", str(out)]) == 1
        full.close()  # it takes what is left, so that Python can end
    error = capsys.readouterr().err
    assert error.startswith(words)
    assert error.count("\n") == 1


def test_an_output_that_is_closed_is_none(tmp_path):
    put(tmp_path / "rows", "a")
    rows, out = tmp_path / "rows", tmp_path / "out"
    with contextlib.redirect_stdout(None):
        assert main(["export", "--results", str(rows), "--out", str(out)]) == 0
    assert (out / "subjects.csv").exists()


REFUSED = {
    "evaluate": ["--methods", "intensity", "--threshold", "cross-validation"],
    "export": ["--results", "none"],
    "figures": ["--results", "none"],
    "deck": ["--pins", "none"],
}


@pytest.mark.parametrize("command", REFUSED)
def test_a_refused_command_leaves_no_folder_of_its_own(command, tmp_path):
    out, kept = tmp_path / "out", tmp_path / "kept"
    kept.mkdir()
    for folder in (out, kept):
        assert main([command, *REFUSED[command], "--out", str(folder)]) == 1
    assert not out.exists()
    assert kept.exists()


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
