import errno
import fcntl
import os
import time
from pathlib import Path

import pytest

from tests.helpers.refusing_disks import no_room
from zsad_core.base.atomic import ABANDONED_S, UNFINISHED, locked, sweep, whole, write_whole
from zsad_core.errors import StorageError


def test_what_stood_there_stays_when_the_block_fails(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "before")
    with pytest.raises(FileNotFoundError), whole(path) as temporary:
        temporary.write_text((tmp_path / "nowhere").read_text())
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole(tmp_path):
    with whole(tmp_path / "new") as folder:
        folder.mkdir()
        (folder / "a").write_text("a")
        assert not (tmp_path / "new").exists()
    assert (tmp_path / "new" / "a").read_text() == "a"


def test_a_name_as_long_as_names_may_be_is_written(tmp_path):
    path = tmp_path / ("x" * 255)
    write_whole(path, b"all")
    assert path.read_bytes() == b"all"


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "before")
    refused = r"a\.txt' cannot be written \(File too large\)"
    with no_room(), pytest.raises(StorageError, match=refused):
        write_whole(path, "after")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write_whole(tmp_path / "file" / "a.txt", "x")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    where = f"'{tmp_path}' cannot be locked"
    with pytest.raises(StorageError, match=where), locked(tmp_path / "a"):
        pass


def test_what_a_killed_process_left_goes_and_what_is_at_work_stays(tmp_path):
    left, folder, new = (tmp_path / f"{UNFINISHED}{name}" for name in "abc")
    for path in (left, new):
        path.write_text("half")
    folder.mkdir()
    (folder / "part").write_text("half")
    long_ago = time.time() - ABANDONED_S - 1
    for path in (left, folder):
        os.utime(path, (long_ago, long_ago))
    write_whole(tmp_path / "a.txt", "a")
    assert {path.name for path in tmp_path.iterdir()} == {new.name, "a.txt"}
    sweep(Path(tmp_path / "nowhere"))
