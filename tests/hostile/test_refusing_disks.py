"""A disk that is full, read-only or no folder at all: one sentence, and nothing else is lost."""

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from tests.helpers.evaluations import write_scans
from tests.helpers.image_sets import mvtec
from tests.helpers.pages import at, shown
from tests.helpers.refusing_disks import full, no_folder, read_only
from tests.helpers.rows import put
from zsad_core.backbones import fastest_precision
from zsad_core.base.paths import home
from zsad_core.cli.main import main

PAGES = ["app.py", *(f"pages/{page}.py" for page in (
    "1_Explore", "2_Prompts", "3_Depth", "4_Cohort", "5_Failures", "6_Setup"
))]  # fmt: skip
COMMANDS = {
    "evaluate": "evaluate --data {scans} --kind folder --methods intensity --threshold oracle "
    "--device cpu --out {out}",
    "map": "map {scans}/a.nii.gz --method intensity --device cpu --out {out}/map.nii.gz",
    "export": "export --results {rows} --out {out}",
    "figures": "figures --results {rows} --out {out}",
    "deck": "deck --pins {pins} --out {out}",
}
OF_HOME = {
    "add": "predictions add {scans} --data demo-2mm --name nn --yes",
    "list": "predictions list",
    "remove": "predictions remove nn --data demo-2mm",
    "split": "split {scans} --shares 60/20/20",
    "doctor": "doctor",
    "evaluate": COMMANDS["evaluate"],
}


def ran(line, refuse, folder):
    """Exit code and stderr of a command in a child whose disk refuses."""
    seen, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(end, 1)
        os.dup2(end, 2)
        code = 99
        try:
            refuse(folder)
            code = main(line.split())
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            os._exit(code)
    os.close(end)
    with os.fdopen(seen) as stream:
        output = stream.read()
    folder.chmod(0o700)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), output


@pytest.fixture(autouse=True, scope="module")
def _precision():
    """Timed here: a child made by fork has not the threads that torch began before."""
    fastest_precision("cpu")


@pytest.fixture
def places(tmp_path):
    """Where the commands read and write."""
    for name in ("scans", "out"):
        (tmp_path / name).mkdir()
    write_scans(tmp_path / "scans")
    put(tmp_path / "rows", "a")
    pins = b'{"format": "ZSAD Explorer pins 2", "pins": []}'
    (tmp_path / "pins.json").write_bytes(pins)
    names = {name: tmp_path / name for name in ("scans", "out", "rows")}
    return {**names, "pins": tmp_path / "pins.json"}


@pytest.mark.parametrize("refuse", [full, read_only, no_folder])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_that_cannot_be_written_is_one_sentence(places, command, refuse, capfd):
    with capfd.disabled():
        code, output = ran(COMMANDS[command].format(**places), refuse, places["out"])
    assert "Traceback" not in output, output
    assert (code, output.count("error: ")) == (1, 1), output


@pytest.mark.parametrize("refuse", [full, read_only, no_folder])
@pytest.mark.parametrize("command", OF_HOME)
def test_a_home_that_cannot_be_written_ends_in_no_traceback(places, command, refuse, capfd):
    home().mkdir()
    with capfd.disabled():
        code, output = ran(OF_HOME[command].format(**places), refuse, home())
    assert "Traceback" not in output, output
    assert code in (0, 1), output
    assert output.count("error: ") <= 1, output
    if command == "doctor" and refuse is not no_folder:  # whose settings cannot be read either
        assert f"'{home() / '.doctor'}' cannot be written" in output


@pytest.mark.parametrize("refuse", [full, read_only, no_folder])
def test_a_cache_that_takes_no_synthetic_subject_is_one_sentence(
    tmp_path, refuse, capfd, monkeypatch
):
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("ZSAD_CACHE", str(cache))
    with capfd.disabled():
        code, output = ran("demo --subject DEMO-MET-013-000", refuse, cache)
    assert "Traceback" not in output, output
    assert (code, output.count("error: ")) == (1, 1), output


APART = """
import sys
from pathlib import Path
from tests.helpers import refusing_disks
from zsad_core.cli.main import main

refuse, folder, *line = sys.argv[1:]
getattr(refusing_disks, refuse)(Path(folder))
sys.exit(main(line))
"""


@pytest.mark.parametrize("refuse", ["full", "read_only", "no_folder"])
def test_a_training_whose_checkpoint_cannot_be_written_is_one_sentence(tmp_path, refuse):
    """In a process of its own, as threads of PyTorch do not live on in a forked one."""
    images, out = mvtec(tmp_path / "images"), tmp_path / "out"
    out.mkdir()
    line = f"train --method aprilgan --setup industrial --backbone demo --data {images} --epochs 1"
    line += f" --device cpu --out {out}/layers.safetensors"
    command = [sys.executable, "-c", APART, refuse, str(out), *line.split()]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert "Traceback" not in done.stderr, done.stderr
    assert (done.returncode, done.stderr.count("error: ")) == (1, 1), done.stderr


@pytest.mark.parametrize("name", ["ZSAD_HOME", "ZSAD_CACHE"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_its_folders_says_so_and_stays(page, name, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(name, str(tmp_path / "file"))
    test = shown(at(page, method="intensity"))
    assert test.sidebar.get("page_link")
    shown(test)
