import json
import threading

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


@pytest.mark.parametrize("text", ["[]", "null", '{"data": 3}', "[" * 100_000, "no JSON"])
def test_a_file_that_holds_something_else_is_a_sentence(text):
    write(text)
    with pytest.raises(DataError, match=r"settings\.json .* delete it to start afresh"):
        settings.data_roots()


@pytest.mark.parametrize(
    "row",
    [
        "/x",
        None,
        {"kind": "brats", "root": "/x", "of_a_newer_version": 1},
        {"kind": "brats", "root": 3},
        {"kind": "brats", "root": "/x", "labels": "1999"},
    ],
)
def test_a_row_that_cannot_be_read_is_passed_over_told_and_kept(row, tmp_path):
    write(json.dumps({"data": [row, {"kind": "demo-2mm"}]}))
    assert list(settings.data_roots()) == ["demo", "demo-2mm:"]
    (said,) = settings.unreadable("data", DataSpec)
    assert "holds a row of data that cannot be read" in said
    settings.forget(settings.remember(DataSpec("folder", str(tmp_path))))
    assert json.loads(settings.path().read_text())["data"] == [row, {"kind": "demo-2mm"}]


def test_who_add_at_once_lose_nothing_of_each_other(tmp_path):
    wrong = []

    def add(who):
        for number in range(15):
            folder = tmp_path / f"data-{who}-{number}"
            folder.mkdir()
            try:
                settings.remember(DataSpec("folder", str(folder)))
            except (OSError, DataError) as error:
                wrong.append(error)

    threads = [threading.Thread(target=add, args=(who,)) for who in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (wrong, len(settings.data_roots())) == ([], 1 + 45)


def write(text):
    settings.path().parent.mkdir(parents=True)
    settings.path().write_text(text)
