"""Paths as users write them."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zsad_core.base.paths import (
    cache_bytes,
    cache_root,
    cached,
    feature_bytes,
    shortened,
    typed,
    uploads,
)
from zsad_core.errors import SettingError


def test_what_lies_in_the_users_folder_is_written_short_and_read_again(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shortened(tmp_path / "kept" / "results") == "~/kept/results"
    assert Path("~/kept/results").expanduser() == tmp_path / "kept" / "results"
    assert shortened(tmp_path.parent) == str(tmp_path.parent)


def test_what_is_kept_is_made_once_and_again_where_the_file_is_damaged(monkeypatch, tmp_path):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path / "cache"))
    assert cached("a.json", "x", lambda: [1]) == [1]
    assert cached("a.json", "x", lambda: [2]) == [1]
    assert cached("a.json", "y", lambda: [3]) == [3]
    (cache_root() / "a.json").write_text("{")
    assert cached("a.json", "x", lambda: [4]) == [4]
    assert sorted((path.name for path in cache_root().iterdir()), reverse=True) == [
        "a.json.lock",
        "a.json",
    ]


@pytest.mark.parametrize("text", ["~nobody-here/x", "x" * 300, "a\0b", "\ud800"])
def test_what_can_be_no_path_is_a_sentence(text):
    with pytest.raises(SettingError, match="cannot be used as a path"):
        typed(text)


def test_what_users_uploaded_is_no_place_to_choose():
    with pytest.raises(SettingError, match="keep for themselves"):
        typed(str(uploads() / "token-1" / "results"))


@pytest.mark.parametrize("text", ["abc", "nan", "inf", ""])
def test_a_limit_that_is_no_number_is_a_sentence(monkeypatch, text):
    limits = {"ZSAD_CACHE_GB": cache_bytes, "ZSAD_FEATURES_GB": lambda: feature_bytes(5)}
    for name, limit in limits.items():
        monkeypatch.setenv(name, text)
        with pytest.raises(SettingError, match=f"{name} is '{text}'; give a number of GB"):
            limit()
        monkeypatch.delenv(name)
    assert feature_bytes(5) == 5


def test_what_several_keep_at_once_is_all_there(monkeypatch, tmp_path):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        made = [*pool.map(lambda n: cached("a.json", f"value {n}", lambda: n), range(40))]
    assert made == [*range(40)]
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept == {f"value {n}": n for n in range(40)}
