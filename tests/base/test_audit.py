import json
import logging
from datetime import UTC, datetime, timedelta

from zsad_core.base import audit
from zsad_core.base.paths import home


def lines(name="audit.jsonl"):
    return [json.loads(line) for line in (home() / name).read_text("utf-8").splitlines()]


def test_who_did_what_and_when_is_a_line_each():
    audit.note("https://id.example 7 ada@lab.example", "upload", "head ä")
    audit.note("https://id.example 8", "deletion", "head ä")
    first, second = lines()
    assert (first["user"], first["act"]) == ("https://id.example 7 ada@lab.example", "upload")
    assert second["what"] == "head ä"
    age = datetime.now(UTC) - datetime.fromisoformat(first["time"])
    assert timedelta() <= age + timedelta(seconds=1) < timedelta(minutes=1)


def test_a_full_file_makes_way_once(monkeypatch):
    monkeypatch.setattr(audit, "LARGEST", 300)
    for number in range(10):
        audit.note("ada", "export", f"{number}.csv")
    kept = lines("audit.1.jsonl") + lines()
    assert [one["what"] for one in kept] == [f"{n}.csv" for n in range(10)][-len(kept) :]
    assert 4 <= len(kept) < 10
    assert {path.name for path in home().glob("audit*.jsonl")} == {"audit.jsonl", "audit.1.jsonl"}


def test_a_refusing_disk_stops_nobody(caplog):
    home().parent.mkdir(exist_ok=True)
    home().write_text("a file where the folder would be")
    with caplog.at_level(logging.WARNING):
        audit.note("ada", "login", "session")
    assert '"act": "login"' in caplog.text
