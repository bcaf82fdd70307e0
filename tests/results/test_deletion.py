"""Deleted rows: all or none, with slices and curves, from merged files too, and for good."""

import os
from pathlib import Path

import pytest

from tests.helpers.rows import row
from zsad_core.results import merging, parts
from zsad_core.results import parquet as results
from zsad_core.results.merging import delete
from zsad_core.results.schema import KEYS

MAPS = {"a": "m", "b": "m", "c": "n", "d": "o"}  # of each row


def put(root, key):
    for table, column in KEYS.items():
        name = MAPS[key] if column == "map" else key
        given = {"map": MAPS[key]} if table == "subjects" else {}
        results.append(root, table, name, [row(table, **{column: name, **given})])


def stored(root):
    """The names of the rows of each table, each of which is there once; the sums count as one."""
    tables = {**KEYS, "depths_middle": "key"}
    with results.connect(root) as rows:
        return {
            table: "".join(
                sorted(name for (name,) in rows.sql(f"SELECT {column} FROM {table}").fetchall())
            )
            for table, column in tables.items()
        }


def of(keys, maps):
    return {"subjects": keys, "slices": keys, "curves": maps, "levels": maps, "depths_middle": keys}


@pytest.fixture(params=["parts", "merged", "merged twice", "both"])
def root(request, tmp_path):
    for number, key in enumerate(MAPS):
        put(tmp_path, key)
        if request.param == "merged twice" or (request.param == "both" and number == 1):
            merging.merge(tmp_path)
    if request.param == "merged":
        merging.merge(tmp_path)
    return tmp_path


def test_rows_go_with_their_slices_and_a_map_with_its_last_row(root):
    assert stored(root) == of("abcd", "mno")
    delete(root, {"a", "d"})
    assert stored(root) == of("bc", "mn")
    delete(root, {"b"})
    assert stored(root) == of("c", "n")
    delete(root, {"c"})
    assert stored(root) == of("", "")


def test_what_is_deleted_comes_back_by_an_evaluation_alone(root):
    delete(root, {"a", "b"})
    merging.merge(root)
    assert stored(root) == of("cd", "no")
    assert results.known(root) == {"c", "d"}
    for table, name in (("subjects", "a"), ("slices", "b"), ("curves", "m")):
        assert not results.exists(root, table, name)
        assert results.read(root, table, name) == []
        for path in (root / table).rglob("*.parquet"):
            assert name not in parts.keys_of([path])
    put(root, "a")
    assert stored(root) == of("acd", "mno")
    merging.merge(root)
    assert stored(root) == of("acd", "mno")


def test_a_deletion_that_is_cut_off_is_whole_or_none(root, monkeypatch):
    counts, real = {"left": 0}, {"replace": os.replace, "unlink": Path.unlink}

    def cut(name):
        def step(*args, **kwargs):
            if ".unfinished" not in str(args[0]) or name == "replace":
                counts["left"] -= 1
                if counts["left"] < 0:
                    raise KeyboardInterrupt
            return real[name](*args, **kwargs)

        return step

    before, after = of("abcd", "mno"), of("cd", "no")
    steps, found = 0, []
    while True:
        with monkeypatch.context() as patch:
            counts["left"] = steps
            patch.setattr(os, "replace", cut("replace"))
            patch.setattr(Path, "unlink", cut("unlink"))
            try:
                delete(root, {"a", "b"})
                break
            except KeyboardInterrupt:
                pass
        found.append(stored(root))
        for key in "ab":
            put(root, key)
        steps += 1
    assert found[0] == before
    assert found[1:] == [after] * (steps - 1)
    assert steps > 4
