"""A cohort on small scans: killed, cancelled, twice at once, again; rows as of an unbroken run."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tests.helpers.evaluations import (
    CONFIGURATIONS,
    FILLED,
    NAMES,
    PROMPTS,
    cohort,
    engine,
    rows_of,
    write_scans,
)
from zsad_core.errors import Cancelled, DataError, SettingError
from zsad_core.evaluation import run as runs
from zsad_core.evaluation.plan import plan
from zsad_core.evaluation.run import SubjectsLeftOutError, local, run
from zsad_core.evaluation.tasks import Configuration, spec_of, subjects
from zsad_core.imaging.uploads import folders, limits
from zsad_core.imaging.uploads.receive import receive
from zsad_core.inference import pipeline
from zsad_core.methods.mutual3d.method import Mutual3d
from zsad_core.report import overview
from zsad_core.report.comparison_groups import comparison_groups
from zsad_core.results import parquet as results
from zsad_core.results import schema as result_schema
from zsad_core.results import subject_rows

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("scans"))


def of_method(method, found):
    """The rows of one method among those of several."""
    names = list(result_schema.SUBJECTS)
    chosen = [row for row in found[0] if row[names.index("method")] == method]
    keys, maps = {row[0] for row in chosen}, {row[1] for row in chosen}
    rest = zip(found[1:], (keys, maps, maps), strict=True)
    return [chosen, *([row for row in table if row[0] in names] for table, names in rest)]


@pytest.fixture(scope="module")
def unbroken(scans, tmp_path_factory):
    """Rows of a run that nothing disturbed."""
    root = tmp_path_factory.mktemp("unbroken")
    made, told = engine(root), []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run(made, cohort(scans, root), local(made), lambda *at: told.append(at))
    torch.set_num_threads(threads)
    assert told[0] == (0, 6)
    assert told[-1] == (6, 6)
    return rows_of(root / "rows")


def test_every_subject_run_and_rule_has_its_row(unbroken):
    found, slices, levels, curves = unbroken
    assert len(found) == len(NAMES) * len(CONFIGURATIONS) * 2
    assert len(slices) == len(found) * 4
    assert len(levels) == len(NAMES) * len(CONFIGURATIONS) * FILLED
    assert len(curves) == len(NAMES) * len(CONFIGURATIONS)


def test_subjects_of_equal_bytes_have_a_row_each(scans, tmp_path):
    root = tmp_path / "doubles"
    root.mkdir()
    for name in ("p1", "p2", "p3"):
        for end in (".nii.gz", "_seg.nii.gz"):
            (root / f"{name}{end}").write_bytes((scans / f"a{end}").read_bytes())
    made = engine(tmp_path)
    for names in (("p2",), ()):
        one = cohort(
            root, tmp_path, names=names, configurations=CONFIGURATIONS[:1], rules=("oracle",)
        )
        run(made, one, local(made))
        with results.connect(one.out) as rows:
            found = rows.sql("SELECT subject, dice_3d FROM subjects ORDER BY subject").fetchall()
        assert [name for name, _ in found] == (["p2"] if names else ["p1", "p2", "p3"])
    assert len({dice for _, dice in found}) == 1


def test_equal_subjects_of_two_folders_are_never_compared(scans, tmp_path):
    copied = shutil.copytree(scans, tmp_path / "copied")
    made, summaries = engine(tmp_path), []
    for root in (scans, copied):
        one = cohort(
            root, tmp_path, names=("a",), configurations=CONFIGURATIONS[:1], rules=("oracle",)
        )
        run(made, one, local(made))
        with results.connect(one.out) as rows:
            groups = comparison_groups(rows)
            summaries.append(overview.configuration_means(rows, one, ["a"]))
    assert [group.may_hold(one.data) for group in groups] == [True, False]
    assert {group.root.partition(" (")[0] for group in groups} == {scans.name, "copied"}
    assert [summary["subjects"].tolist() for summary in summaries] == [[1], [1]]


def test_the_plan_counts_rows_and_no_map_of_another_subject_or_rule(scans, tmp_path):
    root = tmp_path / "doubles"
    root.mkdir()
    for name in ("p1", "p2"):
        for end in (".nii.gz", "_seg.nii.gz"):
            (root / f"{name}{end}").write_bytes((scans / f"a{end}").read_bytes())
    shared = engine(tmp_path)
    both = cohort(root, tmp_path, configurations=CONFIGURATIONS[:1], rules=("oracle",))
    run(shared, replace(both, names=("p2",)), local(shared))
    for name in ("p1", "p2"):
        shared.digest(spec_of(shared, both, name, CONFIGURATIONS[0]).features.slices)
    assert plan(shared, both, timed=False).maps_evaluated == 1
    run(shared, both, local(shared))
    assert plan(shared, both, timed=False).maps_evaluated == 2
    assert plan(shared, replace(both, rules=("50%",)), timed=False).maps_evaluated == 0


def test_a_row_says_what_it_was_made_with(scans, tmp_path, unbroken):
    made = engine(tmp_path)
    one = cohort(
        scans, tmp_path, names=("site/c",), configurations=CONFIGURATIONS[1:], rules=("oracle",)
    )
    run(made, one, local(made))
    with results.connect(one.out) as rows:
        found = rows.sql("FROM subjects").df().to_dict("records")[0]
    expected = {
        "site": "site",
        "method": "winclip",
        "prompts": "minimal-pair",
        "threshold_rule": "oracle",
        "precision_of_features": "float32",
        "batch": 1,
        "device": "cpu",
        "checkpoint_digest": "",
    }
    assert {name: found[name] for name in expected} == expected
    assert len(found["scan_digest"]) == len(found["weights_digest"]) == 64
    assert found["date"].endswith("+00:00")
    assert found["dice_3d"] == pytest.approx(found["best_dice"])
    assert all(found[name] for name in ("version", "python", "numpy", "torch", "device_name"))


def test_a_second_run_computes_nothing(scans, tmp_path, monkeypatch):
    made = engine(tmp_path)
    one = cohort(scans, tmp_path, configurations=CONFIGURATIONS[:1])
    run(made, one, local(made))
    before = rows_of(one.out)
    monkeypatch.setattr("zsad_core.inference.pipeline.anomaly_map", None)
    again = engine(tmp_path)
    run(again, one, local(again))
    assert rows_of(one.out) == before


def test_a_cancelled_run_goes_on(scans, tmp_path, unbroken):
    def stop(done, _):
        if done == 2:
            raise Cancelled("stopped at 2")

    one = cohort(scans, tmp_path, configurations=CONFIGURATIONS[:1])
    made = engine(tmp_path)
    with pytest.raises(Cancelled):
        run(made, one, local(made), stop)
    assert len(results.known(one.out)) == 4
    again = engine(tmp_path)
    run(again, one, local(again))
    assert rows_of(one.out) == of_method("intensity", unbroken)


def command(scans, root, chosen):
    names = " ".join(
        (
            f"--methods {chosen} --setups zero-shot --prompts minimal-pair",
            "--threshold oracle 50% --precision float32 --batch 1 --device cpu",
        )
    )
    data = ["--data", str(scans), "--kind", "folder", "--no-split", "--out", str(root / "rows")]
    return [sys.executable, "-m", "zsad_core", "evaluate", *data, *names.split()]


def started(scans, root, chosen="intensity winclip", options=(), **changes):
    place = {"ZSAD_CACHE": str(root / "cache"), "ZSAD_HOME": str(root / "home")}
    place = {**os.environ, **place, "OMP_NUM_THREADS": "1", **changes}
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    called = [*command(scans, root, chosen), *options]
    return subprocess.Popen(called, cwd=ROOT, env=place, **quiet)


def test_a_killed_command_goes_on_where_it_was(scans, tmp_path, unbroken):
    process = started(scans, tmp_path)
    while len(results.known(tmp_path / "rows")) < 3:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = results.known(tmp_path / "rows")
    assert 3 <= len(kept) < 12
    out, error = started(scans, tmp_path).communicate()
    assert "6 of 6 maps" in error, error
    assert "already evaluated" in out
    assert rows_of(tmp_path / "rows") == unbroken


@pytest.mark.parametrize("removed", ["b", "ab"])
def test_an_upload_removed_meanwhile_ends_its_evaluation_and_gets_no_row(
    scans, tmp_path, monkeypatch, removed
):
    monkeypatch.setattr(limits, "SIDES", (1, 1024))
    made, token = engine(tmp_path), folders.new_token()
    folder = folders.own_folder(token)
    files = [scans / f"{name}{end}.nii.gz" for name in "ab" for end in ("", "_seg")]
    with contextlib.ExitStack() as stack:
        receive(folder, [(path.name, stack.enter_context(path.open("rb"))) for path in files])
    uploads = cohort(
        scans,
        tmp_path,
        data=folders.data_of(token),
        out=folder / "results",
        configurations=CONFIGURATIONS[:1],
    )
    curve_rows = subject_rows.curve_rows

    def removed_meanwhile(stack, anomaly, map_key):
        if results.known(uploads.out):  # those of a are there
            for name in removed:
                folders.remove(made.store, folder, name)
        return curve_rows(stack, anomaly, map_key)

    monkeypatch.setattr(subject_rows, "curve_rows", removed_meanwhile)
    with pytest.raises(Cancelled, match="was removed"):
        run(made, uploads, local(made))
    assert folder.exists() == (removed == "b")
    with results.connect(folder / "results") as rows:
        subjects_with_rows = rows.execute("SELECT DISTINCT subject FROM subjects").fetchall()
        curves = rows.execute("SELECT count(*) FROM curves").fetchone()
    assert (subjects_with_rows, curves) == (([("a",)], (1,)) if removed == "b" else ([], (0,)))


def test_two_commands_at_once_make_each_row_once(scans, tmp_path, unbroken):
    both = [started(scans, tmp_path, "intensity") for _ in range(2)]
    told = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert rows_of(tmp_path / "rows") == of_method("intensity", unbroken)


def workers_of(process):
    """Process ids of the Ray workers of a command, by what each is doing."""
    told = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True)
    found = [line.split(maxsplit=2) for line in told.stdout.splitlines()]
    below = {pid for pid, parent, _ in found if parent == str(process.pid)}
    return {int(pid): doing for pid, parent, doing in found if parent in below and "::" in doing}


def test_ray_gives_the_rows_of_one_process_though_a_worker_is_lost(scans, tmp_path, unbroken):
    """Its local Ray has two workers; the first that has a task in hand is killed."""
    options = ["--engine", "ray", "--address", "local", "--cpus-per-worker", "1"]
    process = started(scans, tmp_path, options=options, RAY_worker_niceness="0")
    seen, lost = set(), []
    while process.poll() is None:
        doing = {pid: one for pid, one in workers_of(process).items() if "Worker" in one}
        seen |= set(doing)
        busy = [pid for pid, one in doing.items() if one.endswith("Worker.attempt")]
        if busy and not lost:
            lost = busy[:1]
            os.kill(lost[0], signal.SIGKILL)
        time.sleep(0.1)
    error = process.communicate()[1]
    assert process.returncode == 0, error
    assert "6 of 6 maps" in error
    assert lost
    assert len(seen - set(lost)) >= 2  # the other one, and one in the place of the lost one
    assert rows_of(tmp_path / "rows") == unbroken


def test_several_engines_give_the_rows_of_one(scans, tmp_path, unbroken, monkeypatch):
    performed, attempt = [], runs.attempt

    def noted(one, *rest):
        performed.append(one)
        return attempt(one, *rest)

    monkeypatch.setattr(runs, "attempt", noted)
    engines, told = [engine(tmp_path), engine(tmp_path)], []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run(engines[0], cohort(scans, tmp_path), local(*engines), lambda *at: told.append(at))
    torch.set_num_threads(threads)
    assert rows_of(tmp_path / "rows") == unbroken
    assert set(performed) == set(engines)
    assert told[-1] == (6, 6)


def test_where_one_of_several_engines_fails_the_others_stop(scans, tmp_path, monkeypatch):
    def fails(one, task, step):
        if task.configurations[0].method == "winclip":
            raise SettingError("no room")
        while True:  # until it is stopped
            step(0)
            time.sleep(0.01)

    monkeypatch.setattr(runs, "attempt", fails)
    engines = [engine(tmp_path), engine(tmp_path)]
    with pytest.raises(SettingError, match="no room"):
        run(engines[0], cohort(scans, tmp_path), local(*engines))


@pytest.fixture
def damaged(scans, tmp_path):
    """The scans, one of them cut short."""
    folder = Path(shutil.copytree(scans, tmp_path / "damaged"))
    scan = folder / "b.nii.gz"
    scan.write_bytes(scan.read_bytes()[:-200])
    return folder


@pytest.mark.parametrize("engines", [1, 2])
def test_a_scan_that_cannot_be_read_ends_its_own_evaluation_alone(damaged, tmp_path, engines):
    made, told = [engine(tmp_path) for _ in range(engines)], []
    one = cohort(damaged, tmp_path)
    assert plan(made[0], one).maps_evaluated == 0
    with pytest.raises(SubjectsLeftOutError, match=r"Left out: b\. .*truncated gzip.* 2 subjects"):
        run(made[0], one, local(*made), lambda *at: told.append(at))
    assert told[-1] == (6, 6)
    found = rows_of(tmp_path / "rows")[0]
    names = [row[list(result_schema.SUBJECTS).index("subject")] for row in found]
    assert sorted(names) == ["a"] * 4 + ["site/c"] * 4


def test_the_command_names_a_scan_that_cannot_be_read_below_the_means(damaged, tmp_path):
    ended = subprocess.run(
        command(damaged, tmp_path, "intensity"), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "rows in " in ended.stdout
    assert "Left out: b. " in ended.stderr
    assert ended.stderr.rstrip().endswith("The rows of 2 subjects are made.")


def test_where_no_scan_can_be_read_there_are_no_others_to_show(damaged, tmp_path):
    made = engine(tmp_path)
    with pytest.raises(DataError, match=r"Left out: b\. .*truncated gzip") as raised:
        run(made, cohort(damaged, tmp_path, names=("b",)), local(made))
    assert not isinstance(raised.value, SubjectsLeftOutError)


def test_nothing_is_evaluated_where_thresholds_lack_a_subject(scans, tmp_path):
    with pytest.raises(DataError, match=r"It is cut short\. Thresholds are tuned on b, so nothing"):
        run(engine(tmp_path), cohort(scans, tmp_path), lambda *_: {"b": "It is cut short."})


def test_the_plan_counts_what_is_there(scans, tmp_path):
    made, one = engine(tmp_path), cohort(scans, tmp_path)
    before = plan(made, one)
    assert (before.subjects, before.tuning, before.configurations) == (3, 0, 2)
    assert (before.maps_evaluated, before.volumes_stored, before.volumes_to_encode) == (0, 0, 3)
    assert "3 scans not opened yet, counted as not encoded" in str(before)
    assert before.seconds > 0
    assert before.gigabytes["features"] > 0
    run(made, replace(one, names=("a", "b")), local(made))
    after = plan(engine(tmp_path), one)
    assert "1 scan not opened yet" in str(after)
    assert "never read" not in str(plan(made, replace(one, names=("a", "b")), timed=False))
    assert (after.maps_evaluated, after.volumes_stored, after.volumes_to_encode) == (4, 2, 1)
    assert "3 subjects, 2 configurations: 6 maps, 4 already evaluated." in str(after)
    features = (tmp_path / "store").rglob("*.rows")
    volumes = sum(path.stat().st_size for path in features) / (2 + 1 / FILLED)  # a batch is timed
    assert after.gigabytes["features"] * 2**30 == pytest.approx(volumes, rel=0.2)


def test_the_plan_knows_features_that_a_page_stored(scans, tmp_path):
    made, one = engine(tmp_path), cohort(scans, tmp_path)
    pipeline.encode(made, spec_of(made, one, "a", CONFIGURATIONS[1]))
    found = plan(engine(tmp_path), one, timed=False)
    assert (found.volumes_stored, found.volumes_to_encode, found.unread) == (1, 2, 2)


def test_a_plan_made_again_takes_no_less_though_the_batch_that_it_timed_is_stored(scans, tmp_path):
    one = cohort(scans, tmp_path, configurations=CONFIGURATIONS[1:])
    first, second = (plan(engine(tmp_path), one).gigabytes["features"] for _ in range(2))
    assert second == pytest.approx(first, rel=0.2)
    assert first > 0


def test_memory_that_runs_out_stops_with_advice(scans, tmp_path, monkeypatch):
    def full(*_, **__):
        raise MemoryError

    monkeypatch.setattr("zsad_core.inference.pipeline.encode", full)
    made = engine(tmp_path)
    with pytest.raises(SettingError, match=r"ran out at 1 slices at once; .* smaller --batch"):
        run(made, cohort(scans, tmp_path, configurations=CONFIGURATIONS[1:]), local(made))


def test_what_cannot_be_evaluated_is_said(scans, tmp_path):
    made = engine(tmp_path)
    with pytest.raises(SettingError, match="no validation subjects to tune"):
        run(made, cohort(scans, tmp_path, rules=("validation",)), local(made))
    with pytest.raises(SettingError, match="No usable subject of split 'test'"):
        subjects(cohort(scans, tmp_path, split="test"))
    with pytest.raises(SettingError, match=r"'e' is no subject of .*; see the list on the Setup"):
        subjects(cohort(scans, tmp_path, names=("a", "e")))


def test_the_plan_counts_and_times_the_set_of_mutual_3d(scans, tmp_path):
    made = engine(tmp_path)
    configurations = (Configuration("mutual3d", "zero-shot", PROMPTS),)
    one = cohort(scans, tmp_path, configurations=configurations, names=("a",), rules=("50%",))
    before = plan(made, one)
    assert (before.volumes_stored, before.volumes_to_encode) == (0, 3)  # a, and b and c beside it
    assert before.unread == 3
    assert before.seconds > 0
    assert before.gigabytes["features"] > 0
    began = time.monotonic()
    run(made, one, local(made))
    assert before.seconds < 10 * (time.monotonic() - began)
    arrays = (tmp_path / "store").rglob("*-cubes*.npy")
    cubes = sum(path.stat().st_size for path in arrays)
    assert before.gigabytes["features"] * 2**30 == pytest.approx(cubes, rel=0.5)
    after = plan(made, replace(one, names=("b",)))
    assert (after.volumes_stored, after.volumes_to_encode) == (3, 0)


def test_the_plan_times_the_comparisons_of_mutual_3d(scans, tmp_path, monkeypatch):
    made = engine(tmp_path)
    configurations = (Configuration("mutual3d", "zero-shot", PROMPTS),)
    one = cohort(scans, tmp_path, configurations=configurations, names=("a",), rules=("50%",))
    run(made, one, local(made))  # the cubes of all three are stored
    compared, clock = Mutual3d.cube_scores, SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now

    def half_a_second_each(self, cubes, others):
        others = list(others)
        clock.now += 0.5 * len(others)
        return compared(self, cubes, others)

    monkeypatch.setattr(Mutual3d, "cube_scores", half_a_second_each)
    for module in ("evaluation.plan", "inference.stored_cubes"):
        monkeypatch.setattr(f"zsad_core.{module}.time", clock)
    assert plan(made, replace(one, names=("b", "site/c"))).seconds == 2 * 2 * 0.5
