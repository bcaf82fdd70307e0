import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tests.helpers.refusing_disks import no_room
from zsad_core.errors import DataError, SettingError, StorageError
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.types import DataSpec

DATA = DataSpec("brats", "/data/met")
METHODS = ("WinClip", "aaclip")


@pytest.fixture
def mine(tmp_path):
    (tmp_path / "out").mkdir()
    return Predictions(
        name="nnunet-v2",
        folder=str(tmp_path / "out"),
        labels=(1, 2, 3),
        provenance="nnU-Net 2.5, 5 folds",
        trained_on="BraTS-MET 2023, training",
        resample=True,
    )


def test_what_was_kept_is_found_for_its_data_alone(mine):
    other = replace(mine, name="voxtell", kind="score", labels=(), low=-2.5, high=0.1)
    assert registry.add(DATA, mine, METHODS) == mine
    registry.add(DATA, other, METHODS)
    registry.add(DataSpec("demo"), mine, METHODS)
    assert registry.sets_of(DATA) == (mine, other)
    assert registry.sets_of(DataSpec("folder", "/data/met")) == (mine, other)
    assert registry.find(DATA, "voxtell") == other
    assert registry.all_sets() == {"/data/met": (mine, other), "demo": (mine,)}
    assert registry.sets_of(DataSpec("demo-2mm")) == ()


def test_a_folder_is_kept_by_its_whole_path(mine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert registry.add(DATA, replace(mine, folder="out"), METHODS) == mine


def test_equal_labels_are_kept_in_one_form(mine):
    assert registry.add(DATA, replace(mine, labels=(3, 1, 2, 3)), METHODS) == mine
    first = registry.add(DATA, replace(mine, name="a", labels=(1,)), METHODS)
    assert (
        replace(registry.add(DATA, replace(mine, name="b", labels=()), METHODS), name="a") == first
    )


def test_a_link_to_the_data_is_the_data(mine, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "out")
    registry.add(DataSpec("brats", str(tmp_path / "link")), mine, METHODS)
    assert registry.sets_of(DataSpec("brats", str(tmp_path / "out"))) == (mine,)


def test_removing_leaves_the_others_and_the_files(mine, tmp_path):
    file = tmp_path / "out" / "case.nii.gz"
    file.touch()
    registry.add(DATA, mine, METHODS)
    registry.add(DATA, replace(mine, name="second"), METHODS)
    registry.remove(DATA, mine.name)
    assert [one.name for one in registry.sets_of(DATA)] == ["second"]
    with pytest.raises(
        SettingError, match=r"no predictions 'nnunet-v2' for /data/met; choose one "
    ):
        registry.remove(DATA, mine.name)
    registry.remove(DATA, "second")
    assert (registry.all_sets(), file.exists()) == ({}, True)
    with pytest.raises(SettingError, match=r"'second' for /data/met; add them first"):
        registry.find(DATA, "second")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a b", "größe", "-yes", "_x", "a[1]", "a*", "a\n", "x" * 41],
)
def test_a_name_that_cannot_be_used_is_explained(mine, name):
    with pytest.raises(SettingError, match="cannot be used; give up to 40 letters, digits, dots"):
        registry.add(DATA, replace(mine, name=name), METHODS)
    assert registry.all_sets() == {}


@pytest.mark.parametrize("name", ["a", "0", "nnU-Net.v2_5", "x" * 40])
def test_a_plain_name_is_taken(mine, name):
    assert registry.add(DATA, replace(mine, name=name), METHODS).name == name


def test_a_name_means_one_thing(mine):
    registry.add(DATA, mine, METHODS)
    with pytest.raises(SettingError, match=r"/data/met has predictions 'NNUnet-v2' already; give"):
        registry.add(DATA, replace(mine, name="NNUnet-v2"), METHODS)
    with pytest.raises(SettingError, match=r"'WinCLIP' is a shipped method; give another name"):
        registry.add(DATA, replace(mine, name="WinCLIP"), METHODS)
    assert registry.sets_of(DATA) == (mine,)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": (0, 1)}, "0 is no label of a lesion; choose whole numbers from 1 to 65535"),
        ({"high": 2.0}, "Masks have no range and 0 to 2 was given"),
        ({"kind": "score"}, "Scores have no labels and 1, 2, 3 was given"),
        ({"kind": "score", "labels": (), "low": 1.0}, "Scores cannot range from 1 to 1; give two"),
        ({"kind": "score", "labels": (), "low": 2.0}, "Scores cannot range from 2 to 1"),
        ({"kind": "score", "labels": (), "high": 1e39}, r"Scores cannot range from 0 to 1e\+39"),
        ({"kind": "score", "labels": (), "low": float("nan")}, "Scores cannot range from nan to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(mine, changes, sentence):
    with pytest.raises(SettingError, match=sentence):
        registry.add(DATA, replace(mine, **changes), METHODS)


def test_a_folder_that_is_not_there_is_named(mine):
    with pytest.raises(DataError, match=r"There is no folder '.*gone'; choose another"):
        registry.add(DATA, replace(mine, folder=mine.folder + "/gone"), METHODS)


def test_uploaded_scans_get_no_predictions_for_everybody(mine):
    with pytest.raises(SettingError, match="uploaded scans are one user's own"):
        registry.add(DataSpec("upload", "me"), mine, METHODS)


def test_many_at_once_lose_nothing(mine):
    sets = [replace(mine, name=f"set-{number}") for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: registry.add(DATA, one, METHODS), sets))
    assert sorted(one.name for one in registry.sets_of(DATA)) == sorted(one.name for one in sets)
    assert {path.name for path in registry.path().parent.iterdir()} <= {
        "predictions.json",
        "predictions.json.lock",
    }


def test_a_write_that_fails_leaves_what_was_kept(mine):
    registry.add(DATA, mine, METHODS)
    with no_room(), pytest.raises(StorageError, match=r"predictions\.json' cannot be written"):
        registry.add(DATA, replace(mine, name="second"), METHODS)
    assert registry.sets_of(DATA) == (mine,)


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: "{",
        lambda kept: json.dumps(kept | {"format": "other"}),
        lambda kept: json.dumps(kept | {"more": 1}),
        lambda kept: json.dumps(kept).replace('"resample": true', '"resample": "yes"'),
        lambda kept: json.dumps(kept).replace('"low": 0.0', '"low": NaN'),
    ],
)
def test_a_file_that_was_damaged_is_not_written_over(mine, change):
    registry.add(DATA, mine, METHODS)
    damaged = change(json.loads(registry.path().read_text()))
    registry.path().write_text(damaged)
    with pytest.raises(DataError, match=r"predictions\.json' cannot be read \(.*\); correct it or"):
        registry.add(DATA, replace(mine, name="second"), METHODS)
    assert registry.path().read_text() == damaged
