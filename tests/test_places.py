"""Paths as users write them."""

from pathlib import Path

from zsad_core.places import shortened


def test_what_lies_in_the_users_folder_is_written_short_and_read_again(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert shortened(tmp_path / "kept" / "results") == "~/kept/results"
    assert Path("~/kept/results").expanduser() == tmp_path / "kept" / "results"
    assert shortened(tmp_path.parent) == str(tmp_path.parent)
