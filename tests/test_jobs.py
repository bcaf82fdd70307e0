import threading

import pytest

from zsad_core.errors import DataError
from zsad_core.jobs import BACKGROUND, INTERACTIVE, DeviceQueue, Job, JobBoard


def wait_for(job):
    for _ in range(200):
        if job.state != "running":
            return
        threading.Event().wait(0.02)
    pytest.fail(f"{job.title} is still running")


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


def test_a_job_reports_progress_and_ends():
    job = JobBoard().start("k", "count", lambda progress: progress(3, 4))
    wait_for(job)
    assert (job.state, job.done, job.total) == ("done", 3, 4)


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
