"""What `python -m bench gpu` measures runs on a CPU too, with a tiny tower, so that it works."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench import gpu
from zsad_core.types import BackboneSpec, DataSpec, SliceSpec

ROOT = Path(__file__).resolve().parents[1]
TINY = gpu.Workload(
    BackboneSpec("demo"),
    side=64,
    slices=SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-014-000"),
    prompts=20,
)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_every_line_of_a_gpu_is_measured(device, tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path / "cache"))
    lines = list(gpu.measure(TINY, device))
    asked = [line for line in lines if line.most is not None]
    aims = {(line.most, line.unit) for line in asked}
    assert len(asked) == 9
    seconds = {(0.8, "s"), (1.2, "s"), (3.0, "s"), (60, "s")}
    assert aims == seconds | {(2, "times"), (20, "ms"), (100, "ms"), (5, "%")}
    assert all(line.value > 0 for line in lines)


@pytest.mark.slow
def test_without_a_gpu_the_command_says_so():
    command = [sys.executable, "-m", "bench", "gpu"]
    without = {"CUDA_VISIBLE_DEVICES": "", "PATH": ""}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=without)
    assert done.returncode == 0, done.stderr
    assert "The part gpu is not measured: torch sees no GPU here." in done.stdout
