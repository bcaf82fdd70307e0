"""Paths as users write them."""

from pathlib import Path

from zsad_core.base.paths import cache_root, kept, shortened


def test_what_lies_in_the_users_folder_is_written_short_and_read_again(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shortened(tmp_path / "kept" / "results") == "~/kept/results"
    assert Path("~/kept/results").expanduser() == tmp_path / "kept" / "results"
    assert shortened(tmp_path.parent) == str(tmp_path.parent)


def test_what_is_kept_is_made_once_and_again_where_the_file_is_damaged(monkeypatch, tmp_path):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path / "cache"))
    assert kept("a.json", "x", lambda: [1]) == [1]
    assert kept("a.json", "x", lambda: [2]) == [1]
    assert kept("a.json", "y", lambda: [3]) == [3]
    (cache_root() / "a.json").write_text("{")
    assert kept("a.json", "x", lambda: [4]) == [4]
    assert sorted((path.name for path in cache_root().iterdir()), reverse=True) == [
        "a.json.lock",
        "a.json",
    ]
