"""Every test has its own home; the cache is shared by one run, so the cohort is made once."""

import os
import sys
from pathlib import Path

import pytest

# As in the app: threads of torch that spin while they wait take the processors from each other and
# from the browser; on a busy machine that makes a small tower eight times as slow.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
TESTS = Path(__file__).parent
SLOW = (
    *("cli", "evaluation", "exports", "hostile", "inference", "lab", "methods", "pages", "report"),
    *("study", "training", "workspace"),
)
SLOW_FILES = (
    *("test_bench.py", "test_start.py", "results/test_deletion.py", "results/test_results.py"),
    *("backbones/test_device.py", "backbones/test_last_block.py", "metrics/test_scipy_stats.py"),
    *("imaging/test_contracts_of_data.py", "imaging/uploads/test_dicom.py"),
    *("imaging/uploads/test_receive.py", "imaging/datasets/test_demo.py"),
    *("imaging/datasets/test_drawn_headers.py", "imaging/datasets/test_nifti_damage.py"),
)
MARKERS = {"browser": "browser", **dict.fromkeys((*SLOW, *SLOW_FILES), "slow")}
"""What marks the tests of a folder or a file; `make quick` leaves out these and single ones."""

# --doctest-modules would import them as modules: fixtures and helpers of one name, and an app.
collect_ignore_glob = ["*conftest.py", "*_app.py", "helpers/*"]


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZSAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("ZSAD_DATA", raising=False)
        yield


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_HOME", str(tmp_path / "home"))
    # A page that is run puts itself there, and a process that is spawned later would begin with it.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


def pytest_collection_modifyitems(items):
    """Mark tests by folder and file; those marked `gpu` are skipped where torch sees no GPU."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            file = item.path.relative_to(TESTS)
            for place in {file.parts[0], file.as_posix()} & MARKERS.keys():
                item.add_marker(MARKERS[place])
            if item.path.name.startswith("test_goldens"):
                item.add_marker("golden")
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="torch sees no GPU here"))
