"""Processes killed at any moment: what was whole stays whole, and the next one goes on.

`HOSTILE_S` is how many seconds each of these takes, by default 3.
"""

import contextlib
import io
import json
import os
import random
import re
import shutil
import signal
import time
import traceback
import zipfile
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from tests.helpers.brats import patients
from tests.helpers.evaluations import cohort, engine, rows_of, write_scans
from tests.helpers.rows import put, row
from tests.helpers.trainings import layers, same, toy
from tests.helpers.views import view
from zsad_core.base import settings
from zsad_core.base.atomic import UNFINISHED
from zsad_core.base.store import Store
from zsad_core.cli.main import main
from zsad_core.errors import PromptError, ZsadError
from zsad_core.evaluation.run import local, run
from zsad_core.imaging.datasets import nifti
from zsad_core.imaging.uploads import folders, limits
from zsad_core.imaging.uploads.receive import receive
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.methods.learner import TrainingPlan
from zsad_core.metrics.readout import Readout
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import merging
from zsad_core.results import parquet as results
from zsad_core.results.merging import delete
from zsad_core.training import fit
from zsad_core.types import DataSpec, PromptSet, ReadoutSpec, SliceSpec, Threshold
from zsad_core.workspace import drafts, history, phrase_bank, pins

SECONDS = float(os.environ.get("HOSTILE_S", "3"))
PATIENCE = 60  # seconds more on a busy machine, until each outcome was seen
SET = PromptSet("mine", ("a",), ("b",), source="own")


@contextlib.contextmanager
def ending():
    """End this process, a forked child, with the block: by 1 where it raises."""
    try:
        yield
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def going_on(until, enough):
    """Whether there is time, or patience as long as enough() does not hold."""
    now = time.monotonic()
    return now < until or (now < until + PATIENCE and not enough())


def killed_at_random(work, check, enough=lambda: True):
    """Run work(n) for n = 0, 1, … in children that are killed; check() after each."""
    chance, until, kills = random.Random(1), time.monotonic() + SECONDS, 0
    while going_on(until, enough):
        child = os.fork()
        if child == 0:
            with ending():
                for number in range(10**6):
                    work(kills * 10**6 + number)
        time.sleep(chance.uniform(0.005, 0.05))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), "it ended by itself: an error in the child"
        kills += 1
        check()
    assert kills


def killed_until_done(work, seconds, chance):
    """Run work() in children that are killed within so many seconds each, some times over."""
    for _ in range(chance.randint(1, 4)):
        killed_once(work, seconds, chance)


def killed_once(work, seconds, chance):
    """Run work() in a child that is killed within so many seconds."""
    child = os.fork()
    if child == 0:
        with ending():
            work()
    time.sleep(chance.uniform(0, seconds))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0


def test_an_evaluation_ends_in_the_rows_of_an_unbroken_one_and_keeps_no_more(tmp_path):
    (tmp_path / "scans").mkdir()
    scans, chance = write_scans(tmp_path / "scans"), random.Random(4)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads of a library do not live on in a forked child

    def evaluated(root):
        fresh = engine(root)
        run(fresh, cohort(scans, root, keep="rows"), local(fresh))

    began = time.monotonic()
    evaluated(tmp_path / "unbroken")
    seconds, expected = time.monotonic() - began, rows_of(tmp_path / "unbroken" / "rows")
    number, until = 0, began + SECONDS
    while number == 0 or time.monotonic() < until:
        root, number = tmp_path / f"killed-{number}", number + 1
        killed_until_done(lambda root=root: evaluated(root), seconds, chance)
        evaluated(root)
        assert rows_of(root / "rows") == expected
        assert not list(root.rglob("*.rows"))
        assert not list(root.rglob("passing*"))
        shutil.rmtree(root)
    torch.set_num_threads(threads)


def test_a_training_ends_in_the_tensors_of_an_unbroken_one(tmp_path):
    data, chance, threads = (toy(), toy(8, seed=1)), random.Random(5), torch.get_num_threads()
    torch.set_num_threads(1)  # threads of a library do not live on in a forked child
    plan = TrainingPlan(epochs=12, batch=8, rate=1e-2, seed=3)
    began = time.monotonic()
    unbroken = fit.fit(layers(), data, replace(plan, state_file=tmp_path / "unbroken.unfinished"))
    seconds, number, until = time.monotonic() - began, 0, began + SECONDS
    while number == 0 or time.monotonic() < until:
        kept, number = replace(plan, state_file=tmp_path / f"{number}.unfinished"), number + 1
        killed_until_done(lambda kept=kept: fit.fit(layers(), data, kept), seconds, chance)
        same(fit.fit(layers(), data, kept), unbroken)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("command", ["map", "export", "figures", "deck"])
def test_what_a_command_wrote_is_replaced_whole_or_not_at_all(tmp_path, command):
    """Two inputs by turns into one output: each of its files is of the one or the other."""
    place, inputs = tmp_path / command, []
    for number in range(2):
        source = tmp_path / f"input-{number}"
        source.mkdir()
        inputs.append(WRITTEN[command](source, number))

    def write(number, out):
        target = out / "map.nii.gz" if command == "map" else out
        out.mkdir(exist_ok=True)
        assert main([command, *inputs[number % 2], "--out", str(target)]) == 0

    def files(folder):
        found = (path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
        return {str(path.relative_to(folder)): content_of(path) for path in found}

    began, whole = time.monotonic(), []
    for number in range(2):
        write(number, tmp_path / f"whole-{number}")
        whole.append(files(tmp_path / f"whole-{number}"))
    seconds, chance, until = (time.monotonic() - began) / 2, random.Random(7), began + SECONDS / 3
    shutil.copytree(tmp_path / "whole-0", place)
    number = 0
    while number == 0 or time.monotonic() < until:
        number += 1
        killed_once(lambda number=number: write(number, place), seconds, chance)
        found = files(place)
        assert found.keys() == whole[0].keys()
        for name, content in found.items():
            assert content in (whole[0][name], whole[1][name])


def content_of(path):
    """What a file holds that two runs have alike; an error of its reader where it is cut."""
    if path.suffix == ".pptx":
        with zipfile.ZipFile(path) as parts:
            assert parts.testzip() is None
            return sorted(parts.namelist())
    content = path.read_bytes()
    return content[-8:] if path.suffix == ".html" else content  # its ids are drawn anew


def scan_to_map(folder, number):
    values = np.zeros((24, 26, 16), np.int16)
    values[5:18, 6:20, 2:14] = 100 + number + np.arange(14)[:, None]
    nib.save(nib.Nifti1Image(values, np.diag([2.0, 2, 4, 1])), folder / "scan.nii.gz")
    return [str(folder / "scan.nii.gz"), "--method", "intensity"]


def rows_to_read(folder, number):
    put(folder, "ab"[number])
    return ["--results", str(folder)]


def pins_to_show(folder, number):
    spec = SliceSpec(patients(folder, 1, 1), "BraTS-MET-00000-000", "t2f")  # of no root of theirs
    spec = pipeline.map_spec(Engine(), spec, "intensity", "zero-shot", SET)
    shown = View(spec, 3, Threshold(0.5, "fixed", "by hand"), ReadoutSpec())
    kept = [pins.pin_of(shown, f"{number} {at}") for at in range(2)]
    (folder / "pins.json").write_bytes(pins.as_file(kept))
    return ["--pins", str(folder / "pins.json")]


WRITTEN = {
    "map": scan_to_map,
    "export": rows_to_read,
    "figures": rows_to_read,
    "deck": pins_to_show,
}


def test_an_upload_is_listed_whole_or_not_at_all():
    place = folders.own_folder(folders.new_token())
    values = np.zeros((12, 14, 10), np.int16)
    values[2:10, 2:12, 1:9] = 100 + np.indices((8, 10, 8)).sum(0)
    mask = (values > 110).astype(np.uint8)
    files = {"_t2f": values, "_seg": mask}
    content = {name: nib.Nifti1Image(one, np.eye(4)).to_bytes() for name, one in files.items()}

    def work(number):
        receive(place, [(f"s{number}{end}.nii", io.BytesIO(content[end])) for end in content])

    def check():
        for subject in folders.subjects(place):
            scan, seg = (place / "scans" / subject / f"{part}.nii" for part in ("t2f", "seg"))
            assert nifti.read_case(scan, seg).truth.sum() == mask.sum()
        stored = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        assert stored == len(folders.subjects(place)) * sum(map(len, content.values()))
        assert folders.room(place) == limits.SESSION - stored
        shutil.rmtree(place / "scans", ignore_errors=True)

    killed_at_random(work, check)
    work(0)
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_pins_and_trials_stay_and_none_is_cut():
    shown, spec = view(Engine()), view(Engine()).map
    pins.add(replace(pins.pin_of(shown, "first"), index=10**15))
    numbers = Readout(0.2, 1.0, dice_3d=0.4, best_dice=0.5, auroc=0.9)
    trials = 0

    def work(number):
        pin = replace(pins.pin_of(shown, f"pin {number}"), index=number)
        pins.add(pin)
        pins.edit(pin.id, "edited", "a note" * 9)
        pins.remove(pin.id)
        tried = replace(spec, prompts=replace(spec.prompts, abnormal=(f"a {number}",)))
        history.note(history.add(tried, numbers, shown.threshold), f"note {number}")

    def check():
        nonlocal trials
        first, *others = pins.all_pins()
        assert first.title == "first"
        for pin in others:
            pins.remove(pin.id)
        made = history.trials()
        assert trials <= len(made)
        assert all(re.fullmatch(r"a \d+", one.prompts.abnormal[0]) for one in made)
        trials = len(made)

    killed_at_random(work, check, lambda: trials)
    assert trials


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
        key, label = f"{number % 97:064x}", {"number": number % 97}
        store.write_all(key, arrays, label)
        store.append(key, {name: {"a": array, "b": array} for name, array in arrays.items()}, label)

    def check():
        fresh = Store(store.root)
        for entry in store.root.glob("??/*/"):
            names = fresh.names(entry.name)
            if names:
                assert json.loads((entry / "label.json").read_text())["number"] >= 0
            assert all(fresh.read(entry.name, name) is not None for name in names)
            rows = fresh.row_names(entry.name, "ab")
            assert len(rows) in (0, 8)
            assert all(fresh.read_row(entry.name, name, "ab") is not None for name in rows)
        store.clear()

    killed_at_random(work, check)


def test_a_row_of_a_subject_stands_with_its_slices(tmp_path):
    def work(number):
        key = f"{number:012d}"
        results.append(tmp_path, "slices", key, [row("slices", key=key)])
        results.append(tmp_path, "subjects", key, [row("subjects", key=key)])
        if number % 5 == 0:
            merging.merge(tmp_path)
        if number % 7 == 0:
            delete(tmp_path, {f"{number - before:012d}" for before in range(3)})

    def check():
        with results.connect(tmp_path) as rows:
            told = "SELECT count(*), count(DISTINCT key) FROM subjects"
            count, keys = rows.execute(told).fetchone()
            lost = "SELECT count(*) FROM subjects ANTI JOIN slices USING (key)"
            assert (count, rows.execute(lost).fetchone()) == (keys, (0,))
            whole = {int(key) for (key,) in rows.execute("SELECT key FROM subjects").fetchall()}
        for key in whole:  # three go at once
            if key % 7 == 0 and key % 10**6 > 1:
                assert {key - 1, key - 2} <= whole
            if key % 7 == 1 and key % 10**6 > 3:
                assert not {key - 1, key - 2, key - 3} & whole

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
        with ending():
            work(1)
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
    outcomes = set()
    while going_on(until, lambda: len(outcomes) == 2):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        path.write_bytes(content[: chance.choice((len(content), chance.randrange(len(content))))])
        try:
            with results.connect(tmp_path) as rows:
                rows.execute(f"FROM {part}").fetchall()
                rows.execute("FROM depths_middle").fetchall()
            outcomes.add("rows")
        except ZsadError:
            outcomes.add("a sentence")
    assert outcomes == {"rows", "a sentence"}


def test_a_mutated_prompt_file_is_a_set_or_a_sentence():
    whole = prompt_sets.as_yaml(SET, {"a": [1, {"b": "c"}]}).encode()
    marks = b"&*!?:-[]{},|>%@`\"'\\#~<=\n\t \xff\x00\xe2\x82"
    chance, until, outcomes = random.Random(3), time.monotonic() + SECONDS, set()
    while going_on(until, lambda: len(outcomes) == 2):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            content.insert(chance.randrange(len(content)), chance.choice(marks))
        try:
            prompt_sets.sentences(prompt_sets.parse(bytes(content), "x.yaml"))
            outcomes.add("a set")
        except PromptError:
            outcomes.add("a sentence")
    assert outcomes == {"a set", "a sentence"}
