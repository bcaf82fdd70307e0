"""Processes killed at any moment: what was whole stays whole, and the next one goes on.

`HOSTILE_S` is how many seconds each of these takes, by default 6.
"""

import json
import os
import random
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.results.test_results import row
from zsad_core.base import settings
from zsad_core.base.atomic import UNFINISHED
from zsad_core.base.store import Store
from zsad_core.errors import PromptError, ZsadError
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import merging
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, PromptSet
from zsad_core.workspace import drafts, phrase_bank

SECONDS = float(os.environ.get("HOSTILE_S", "6"))
SET = PromptSet("mine", ("a",), ("b",), source="own")


def killed_at_random(work, check):
    """Run work(n) for n = 0, 1, … in children that are killed; check() after each."""
    chance, until, kills = random.Random(1), time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        child = os.fork()
        if child == 0:
            for number in range(10**6):
                work(kills * 10**6 + number)
            os._exit(0)
        time.sleep(chance.uniform(0.005, 0.05))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it ended by itself: an error in the child"
        kills += 1
        check()
    assert kills


def test_a_prompt_set_never_goes():
    folder = settings.prompt_folder()
    prompt_sets.save(SET, folder)

    def check():
        assert "mine" in prompt_sets.user_sets(folder)
        assert not prompt_sets.unreadable(folder)
        for path in (folder / "older").glob("*.yaml"):
            path.unlink()

    killed_at_random(lambda n: prompt_sets.save(replace(SET, normal=(f"a {n}",)), folder), check)


def test_settings_drafts_and_phrases_stay_readable(tmp_path):
    def work(number):
        settings.remember(DataSpec("folder", str(tmp_path), ("2021", "2023")[number % 2]))
        drafts.keep("mine", f"s{number % 30}", {"normal": f"a {number}"})
        phrase_bank.keep((f"phrase {number}",), phrase_bank.own_phrases())

    work(0)

    def check():
        assert len(settings.data_roots()) == 2
        assert drafts.newest("mine") is not None
        assert phrase_bank.own_phrases()

    killed_at_random(work, check)


def test_an_entry_of_the_store_has_its_label_and_whole_arrays(tmp_path):
    store = Store(tmp_path / "store")

    def work(number):
        arrays = {f"{part:03d}": np.full(2000, number) for part in range(8)}
        store.write_all(f"{number % 97:064x}", arrays, {"number": number % 97})

    def check():
        fresh = Store(store.root)
        for entry in store.root.glob("??/*/"):
            names = fresh.names(entry.name)
            if names:
                assert json.loads((entry / "label.json").read_text())["number"] >= 0
            assert all(fresh.read(entry.name, name) is not None for name in names)
        store.clear()

    killed_at_random(work, check)


def test_a_row_of_a_subject_stands_with_its_slices(tmp_path):
    def work(number):
        key = f"{number:012d}"
        results.append(tmp_path, "slices", key, [row("slices", key=key)])
        results.append(tmp_path, "subjects", key, [row("subjects", key=key)])
        if number % 5 == 0:
            merging.merge(tmp_path)

    def check():
        with results.connect(tmp_path) as rows:
            told = "SELECT count(*), count(DISTINCT key) FROM subjects"
            count, keys = rows.execute(told).fetchone()
            lost = "SELECT count(*) FROM subjects ANTI JOIN slices USING (key)"
            assert (count, rows.execute(lost).fetchone()) == (keys, (0,))

    killed_at_random(work, check)


def test_what_killed_processes_left_goes_with_the_next(tmp_path):
    def left():
        return list(tmp_path.rglob(f"{UNFINISHED}*"))

    def work(number):
        results.append(tmp_path, "subjects", f"k{number % 9}", [row("subjects", key="k")])

    killed_at_random(work, lambda: None)
    for path in left():
        os.utime(path, (0, 0))
    child = os.fork()
    if child == 0:
        work(1)
        os._exit(0)
    os.waitpid(child, 0)
    assert not left()


@pytest.mark.parametrize("part", ["subjects", "slices"])
def test_a_mutated_results_file_is_rows_or_a_sentence(tmp_path, part):
    for key in "abc":
        for table in ("slices", "subjects"):
            results.append(tmp_path, table, key, [row(table, key=key)])
    merging.merge(tmp_path)
    path: Path = max((tmp_path / part).glob("merged-*.parquet"))
    whole, chance, until = path.read_bytes(), random.Random(2), time.monotonic() + SECONDS
    while time.monotonic() < until:
        content = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.choice((len(content), chance.randrange(len(content))))])
        try:
            with results.connect(tmp_path) as rows:
                rows.execute(f"FROM {part}").fetchall()
                rows.execute("FROM depths_middle").fetchall()
        except ZsadError:
            continue


def test_a_mutated_prompt_file_is_a_set_or_a_sentence():
    whole = prompt_sets.as_yaml(SET, {"a": [1, {"b": "c"}]}).encode()
    marks = b"&*!?:-[]{},|>%@`\"'\\#~<=\n\t \xff\x00\xe2\x82"
    chance, until = random.Random(3), time.monotonic() + SECONDS
    while time.monotonic() < until:
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content.insert(chance.randrange(len(content)), chance.choice(marks))
        try:
            prompt_sets.sentences(prompt_sets.parse(bytes(content), "x.yaml"))
        except PromptError:
            continue
