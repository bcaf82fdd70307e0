import pytest

from zsad_core.base import settings
from zsad_core.errors import DataError
from zsad_core.types import DataSpec


def test_the_demo_is_always_there():
    assert settings.data_roots() == {"demo": DataSpec("demo")}


def test_a_root_is_remembered_and_forgotten(tmp_path):
    name = settings.remember(DataSpec("brats", str(tmp_path)))
    assert settings.data_roots()[name].root == str(tmp_path.resolve())
    settings.forget(name)
    assert list(settings.data_roots()) == ["demo"]


def test_a_root_given_twice_is_listed_once_with_its_last_labels(tmp_path):
    settings.remember(DataSpec("brats", str(tmp_path)))
    name = settings.remember(DataSpec("brats", str(tmp_path), "2021"))
    roots = settings.data_roots()
    assert len(roots) == 2
    assert roots[name].labels == "2021"


def test_zsad_data_is_a_root(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_DATA", str(tmp_path))
    assert [spec.root for spec in settings.data_roots().values()] == ["", str(tmp_path)]


def test_a_missing_folder_is_refused():
    with pytest.raises(DataError, match="There is no folder '/nowhere'"):
        settings.remember(DataSpec("brats", "/nowhere"))


def test_a_broken_settings_file_names_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_HOME", str(tmp_path))
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(DataError, match=r"settings\.json is not valid JSON"):
        settings.data_roots()
