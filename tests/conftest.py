"""Every test has its own home; the cache is shared by one run, so the cohort is made once."""

import sys

import pytest

# --doctest-modules would import them as modules: fixtures and helpers of one name, and an app.
collect_ignore_glob = ["*conftest.py", "*viewer_app.py", "helpers/*"]


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
    """Tests marked `gpu` are skipped, with the reason, where torch sees no GPU."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="torch sees no GPU here"))
