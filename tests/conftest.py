"""Every test has its own home; the cache is shared by one run, so the cohort is made once."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZSAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("ZSAD_DATA", raising=False)
        yield


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_HOME", str(tmp_path / "home"))
