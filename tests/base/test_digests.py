"""Digests of files."""

import hashlib
import os

from zsad_core.base.digests import file_digest


def test_a_file_of_another_size_is_hashed_again_though_its_time_stays(tmp_path):
    path = tmp_path / "checkpoint"
    path.write_bytes(b"one")
    assert file_digest(path) == hashlib.sha256(b"one").hexdigest()
    changed_ns = path.stat().st_mtime_ns
    path.write_bytes(b"three")
    os.utime(path, ns=(changed_ns, changed_ns))
    assert file_digest(path) == hashlib.sha256(b"three").hexdigest()
