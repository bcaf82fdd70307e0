import subprocess
import sys
import threading
import time

import pytest

from zsad_core.base import jobs
from zsad_core.base.jobs import BACKGROUND, INTERACTIVE, Client, DeviceQueue, Job, JobBoard
from zsad_core.errors import DataError


def wait_for(job):
    job.wait(10)
    assert job.state != "running", f"{job.title} is still running"


def test_a_click_goes_before_background_work():
    queue, order, ready = DeviceQueue(), [], threading.Event()

    def work(priority, name):
        with queue.turn(priority):
            order.append(name)

    with queue.turn(BACKGROUND):
        threads = []
        for priority, name in ((BACKGROUND, "background"), (INTERACTIVE, "click")):
            threads.append(threading.Thread(target=work, args=(priority, name)))
            threads[-1].start()
            while len(queue._waiting) < len(threads):
                ready.wait(0.01)
    for thread in threads:
        thread.join()
    assert order == ["click", "background"]


def test_users_take_turns_however_many_jobs_one_has():
    queue, board, order = DeviceQueue(), JobBoard(), []
    left = {"a1": 4, "a2": 4, "a3": 4, "b1": 4}  # batches of each job

    def work(job):
        def batches(progress):
            while left[job]:
                with queue.turn(BACKGROUND):
                    order.append(job[0])
                    left[job] -= 1
                    others = sum(count > 0 for name, count in left.items() if name != job)
                    deadline = time.monotonic() + 5
                    while len(queue._waiting) < others:
                        assert time.monotonic() < deadline
                        time.sleep(0.001)

        return batches

    with queue.turn(INTERACTIVE):
        started = [board.start(job, job, work(job), client=Client(job[0])) for job in left]
        while len(queue._waiting) < len(left):
            time.sleep(0.001)
    for job in started:
        wait_for(job)
    assert "".join(order) in ("ab" * 4 + "a" * 8, "ba" * 4 + "a" * 8)


def test_a_job_reports_progress_and_ends():
    job = JobBoard().start("k", "count", lambda progress: progress(3, 4))
    wait_for(job)
    assert (job.state, job.done, job.total) == ("done", 3, 4)


def test_who_waits_goes_on_once_it_ends():
    gate = threading.Event()
    job = JobBoard().start("k", "wait", lambda progress: gate.wait(60))
    job.wait(0.01)
    assert (job.state, job.ended) == ("running", None)
    gate.set()
    began = time.monotonic()
    job.wait(60)
    assert time.monotonic() - began < 30
    assert job.state == "done"
    assert job.ended


def test_time_left_is_told_by_the_pace_of_the_part_at_work():
    job = Job("two parts")
    job.progress(5, 10, "reading")
    assert job.seconds_left() is None
    job.started -= 100
    job.progress(10, 10, "reading")
    assert job.seconds_left() == 0
    job.progress(1, 4, "loss 2")
    assert (job.note, job.seconds_left()) == ("loss 2", None)
    job.started -= 6
    job.progress(3, 4, "loss 1")
    assert job.seconds_left() == pytest.approx(3, abs=0.5)


def test_cancel_stops_at_the_next_step():
    go = threading.Event()

    def work(progress):
        go.wait(5)
        progress(1, 2)

    job = JobBoard().start("k", "wait", work)
    job.cancel()
    go.set()
    wait_for(job)
    assert job.state == "cancelled"


def test_a_job_gives_way_as_long_as_a_page_is_drawn_or_a_watched_job_runs():
    board, gate, steps, drawn = JobBoard(), threading.Event(), [], threading.Event()

    def work(progress):
        board.give_way(lambda: steps.append(board.running().keys()))
        drawn.set()

    with board.drawing():
        job = board.start("tiles", "draw", work)
        while len(steps) < 3:
            time.sleep(0.01)
        watched = board.start("map", "encode", lambda progress: gate.wait(60), kind="encoding")
        board.start("by hand", "evaluate", lambda progress: drawn.wait(60))
    seen = len(steps)
    while len(steps) < seen + 3:
        time.sleep(0.01)
    assert job.state == "running"
    gate.set()
    wait_for(watched)
    wait_for(job)  # it does not wait for what was started by hand
    assert job.state == "done"


def test_a_user_error_becomes_the_jobs_sentence():
    def work(progress):
        raise DataError("The file is truncated; copy it again.")

    job = JobBoard().start("k", "read", work)
    wait_for(job)
    assert (job.state, job.error) == ("failed", "The file is truncated; copy it again.")


def test_a_key_runs_once_at_a_time():
    board, go = JobBoard(), threading.Event()
    first = board.start("k", "wait", lambda progress: go.wait(5))
    assert board.start("k", "wait", lambda progress: None) is first
    assert board.running() == {"k": first}
    go.set()
    wait_for(first)


def test_two_jobs_take_turns_batch_by_batch():
    queue, board, order = DeviceQueue(), JobBoard(), []

    def work(name):
        def batches(progress):
            for _ in range(4):
                with queue.turn(BACKGROUND):
                    order.append(name)
                    deadline = time.monotonic() + 5
                    while len(queue._waiting) < 1 and len(order) < 7:  # the other waits already
                        assert time.monotonic() < deadline
                        time.sleep(0.001)

        return batches

    with queue.turn(INTERACTIVE):
        started = [board.start(name, name, work(name)) for name in "ab"]
        while len(queue._waiting) < 2:
            time.sleep(0.001)
    for job in started:
        wait_for(job)
    assert [job.state for job in started] == ["done", "done"], started[0].error
    assert "".join(order) in ("abababab", "babababa")


def test_a_click_goes_before_what_a_job_asks_for_however_it_asks():
    queue, board, order = DeviceQueue(), JobBoard(), []

    def asks(progress):
        with queue.turn(INTERACTIVE):
            order.append("job")

    def click():
        with queue.turn(INTERACTIVE):
            order.append("click")

    with queue.turn(INTERACTIVE):
        job = board.start("k", "texts", asks)
        while len(queue._waiting) < 1:
            time.sleep(0.001)
        hand = threading.Thread(target=click)
        hand.start()
        while len(queue._waiting) < 2:
            time.sleep(0.001)
    wait_for(job)
    hand.join()
    assert order == ["click", "job"]


def test_ended_jobs_stay_for_a_while_the_newest_first():
    board, last = JobBoard(), jobs.ENDED_JOBS + 2
    for number in range(last + 1):
        wait_for(board.start(f"k{number}", f"job {number}", lambda progress: None, "app.py"))
        time.sleep(0.002)

    def bad(progress):
        raise DataError("The file is truncated.")

    wait_for(board.start("bad", "bad", bad))
    ended = board.ended(60, 2)
    assert [(job.title, job.state) for job in ended] == [("bad", "failed"), (f"job {last}", "done")]
    assert ended[1].page == "app.py"
    assert board.find("k0") is None  # no more than a few are remembered
    assert board.ended(0, 5) == []


HERS, HIS = Client("her", "tab 1"), Client("him", "tab 2")


def test_a_job_of_a_kind_ends_once_no_tab_shows_what_it_gives():
    board, go = JobBoard(), threading.Event()

    def work(progress):
        go.wait(60)
        progress(1, 2)

    names = ("shown", "shared", "left", "asked")
    jobs = {name: board.start(name, name, work, "", "map", HERS) for name in names[:3]}
    jobs["asked"] = board.start("asked", "asked", work, client=HERS)  # by hand
    assert board.start("shared", "shared", work, "", "map", HIS) is jobs["shared"]
    board.follow(HERS, "map", {"shown"})
    assert set(board.running()) == {"shown", "shared", "asked"}
    assert jobs["shared"].clients == {HIS}
    again = board.start("left", "left", work, "", "map", HERS)  # it waits for nothing
    assert again is not jobs["left"]
    go.set()
    for job in (*jobs.values(), again):
        wait_for(job)
    assert [jobs[name].state for name in names] == ["done", "done", "cancelled", "done"]
    assert again.state == "done"


def test_what_one_user_cancels_another_starts_afresh():
    board, go = JobBoard(), threading.Event()

    def work(progress):
        go.wait(60)
        progress(1, 2)

    hers = board.start("k", "k", work, client=HERS)
    assert board.start("k", "k", work, client=HIS) is hers
    hers.cancel("her")
    assert board.start("k", "k", work, client=HERS) is hers  # it runs until its next step
    his = board.start("k", "k", work, client=HIS)
    assert his is not hers
    go.set()
    wait_for(hers)
    wait_for(his)
    assert (hers.state, his.state) == ("cancelled", "done")
    assert (hers.stopped_for("her"), hers.stopped_for("him")) == (True, False)
    assert not his.stopped_for("him")


def test_only_those_who_wait_for_a_job_read_what_went_wrong():
    def bad(progress):
        raise DataError("Jane.nii is truncated.")

    job = JobBoard().start("k", "Search", bad, client=HERS)
    wait_for(job)
    assert job.outcome("her") == "Jane.nii is truncated."
    assert job.outcome("him") == "Search: failed."
    assert (job.owned_by("her"), job.owned_by("him")) == (True, False)
    assert (job.stopped_for("her"), job.stopped_for("him")) == (True, False)
    assert Job("started by nobody").owned_by("him")


ENDS_WHILE_A_JOB_RUNS = """
import threading, torch
from zsad_core.base.jobs import JobBoard

begun = threading.Event()

def work(progress):
    a = torch.ones(500, 500)
    for n in range(10**9):
        progress(n, 10**9)
        a @ a
        begun.set()

JobBoard().start("key", "Working", work)
begun.wait()
"""
ENDS_WHILE_A_JOB_STARTS_THREADS = """
import threading
from zsad_core.base.jobs import JobBoard
from zsad_core.base.threads import ThreadPool

begun = threading.Event()

def work(progress):
    while True:
        with ThreadPool(2) as pool:
            list(pool.map(int, range(2)))
        begun.set()

JobBoard().start("key", "Working", work)
begun.wait()
"""


@pytest.mark.slow
@pytest.mark.parametrize("program", [ENDS_WHILE_A_JOB_RUNS, ENDS_WHILE_A_JOB_STARTS_THREADS])
def test_python_ends_well_while_a_job_runs(program):
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120
    )
    assert (ended.returncode, ended.stderr) == (0, "")
