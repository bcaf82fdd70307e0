"""The built package, in an environment and a folder that know nothing of the checkout."""

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from importlib import metadata
from urllib.error import URLError
from urllib.request import urlopen

import nibabel as nib
import numpy as np
import pytest

from bench.app_server import ROOT, serving
from tests.helpers.pins import view
from zsad_core.base.version import VERSION
from zsad_core.workspace import pins

SUBJECT = "DEMO-MET-013-000"
STUDY = f"""
title: A study of one subject
data: {{root: demo-2mm, subjects: [{SUBJECT}]}}
series: [{{methods: [intensity]}}]
thresholds: [oracle]
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The Python of an environment with the wheel; its dependencies are those of the tests."""
    folder = tmp_path_factory.mktemp("package")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "environment")
    python = folder / "environment" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    (site,) = (folder / "environment").glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder, and no word of where this project lies."""
    for name in ("ZSAD_CACHE", "ZSAD_HOME", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder


def zsad(python, folder, *words, code=0):
    """All that a command of the package prints; it exits with this code."""
    command = [str(python.with_name("zsad")), *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_every_command_runs_from_any_folder(installed, elsewhere, monkeypatch):
    """All but `app`, which another test opens, and `card`, which evaluates for half an hour."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(elsewhere.parent / "hub"))
    tried = {"app", "card"}

    def run(command, *words, code=0):
        tried.add(command)
        return zsad(installed, elsewhere, command, *words, code=code)

    (elsewhere / "scans").mkdir()
    for name in "abc":
        values = np.random.default_rng(ord(name)).random((16, 16, 16))
        nib.save(nib.Nifti1Image(values, np.eye(4)), elsewhere / "scans" / f"{name}.nii.gz")
    (elsewhere / "study.yaml").write_text(STUDY)
    (elsewhere / "pins.json").write_bytes(pins.as_file([pins.pin_of(view(), "a case")]))
    chosen = ("--data", "demo-2mm", "--subjects", SUBJECT, "--methods", "intensity")
    few = ("--data", "demo-2mm", "--subjects", 2, "--slices", 1, "--epochs", 1, "--loss-side", 16)

    assert zsad(installed, elsewhere, "--version").strip() == VERSION
    run("demo", "--subject", "DEMO-MET-014-000")
    report = run("doctor", code=1)  # published weights are not there
    assert "Demo cohort at 1 mm (synthetic)" in report
    run("evaluate", *chosen, "--threshold", "oracle", "--out", "rows")
    run("export", "--results", "rows", "--out", "csv")
    run("figures", "--results", "rows", "--out", "figures")
    run("delete", "--results", "rows", "--method", "intensity", "--yes")
    run("deck", "--pins", "pins.json", "--out", "deck")
    run("map", "scans/a.nii.gz", "--method", "intensity", "--out", "map.nii.gz")
    run("split", "scans", "--shares", "34/33/33")
    run("predictions", "list")
    run("study", "run", "study.yaml", "--out", "study")
    run("train", "--method", "aprilgan", "--setup", "brats", *few, "--out", "mine.safetensors")
    said = run("fetch", "--backbone", "ViT-B-32", "--weights", "openai", code=1)
    assert "could not be fetched" in said
    named = re.findall(r"^    (\w+)(?: +\w|$)", zsad(installed, elsewhere, "--help"), re.M)
    assert {*named} == tried
    made = {"rows", "csv", "figures", "deck", "map.nii.gz", "study", "mine.safetensors"}
    given = {"scans", "study.yaml", "pins.json"}
    assert {path.name for path in elsewhere.iterdir()} == made | given
    assert (elsewhere.parent / "CACHE" / "zsad-explorer" / "store").is_dir()


def test_the_app_opens_on_the_demo(installed, elsewhere, page, tmp_path):
    command = [str(installed.with_name("zsad")), "app"]
    with serving(tmp_path / "log.txt", command, elsewhere) as server:
        page.goto(server.address("Explore", method="intensity"))
        page.get_by_text("Demo scans and a demo CLIP, not patients").wait_for(timeout=180_000)
        page.get_by_text("Voxel AUROC").first.wait_for(timeout=180_000)
        assert page.complaints == server.complaints() == []
    with pytest.raises(URLError):  # the command was ended, and the server with it
        urlopen(f"{server.url}/_stcore/health", timeout=5)


def imported(path):
    """The top-level modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def distribution(requirement):
    """The normalised name of a distribution, of a requirement as it is written."""
    return re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-")


def test_what_is_imported_is_what_is_required():
    """A module of another distribution that pyproject.toml does not name would fail elsewhere."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names = [*project["dependencies"], *extras["ray"], *extras["login"]]
    required = {distribution(one) for one in names}
    files = [ROOT / "app.py", *ROOT.glob("pages/**/*.py"), *ROOT.glob("zsad_core/**/*.py")]
    modules = {module for path in files for module in imported(path)}
    of_module = metadata.packages_distributions()
    foreign = modules - sys.stdlib_module_names - {"pages", "zsad_core", "zsad_explorer"}
    missing = {
        one for one in foreign if required.isdisjoint(map(distribution, of_module.get(one, ())))
    }
    assert missing == set()
