"""The precision is timed on the machine at hand, once."""

import json

from zsad_core import backbones


def test_the_faster_precision_is_timed_once_and_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    found, path = backbones.fastest_precision("cpu"), tmp_path / "device.json"
    ((machine, times),) = json.loads(path.read_text()).items()
    assert backbones.device_name("cpu") in machine
    assert times[found] == min(times["float32"], times["bfloat16"]) > 0
    other = "bfloat16" if found == "float32" else "float32"
    path.write_text(json.dumps({machine: {found: 2.0, other: 1.0}}))
    assert backbones.fastest_precision("cpu") == other


def test_a_broken_memory_of_it_is_written_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("ZSAD_CACHE", str(tmp_path))
    (tmp_path / "device.json").write_text("{")
    assert (
        backbones.fastest_precision("cpu")
        in json.loads((tmp_path / "device.json").read_text()).popitem()[1]
    )
