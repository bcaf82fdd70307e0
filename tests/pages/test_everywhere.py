"""What every page has: the jobs of the machine, keys and colours; and what two users share."""

import hashlib
import threading
import time

import pytest

from pages.ui.shell import compute, frame, session
from pages.ui.start import cases
from pages.ui.viewer import keys
from tests.helpers.pages import ROOT, WAIT, at, end_jobs, shown, widget
from zsad_core.base.jobs import Client
from zsad_core.errors import DataError
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec, Threshold
from zsad_core.workspace.history import trials

PAGES = [path for path in frame.PAGES if (ROOT / path).exists()]
SUBJECT, OTHER = "DEMO-MET-013-000", "DEMO-MET-014-000"


@pytest.fixture(autouse=True)
def _no_jobs(small_demo):
    """Of other tests."""
    end_jobs(compute.engine().jobs)


def spec_of(subject, prompts):
    slices = SliceSpec(DataSpec("demo-2mm"), subject)
    return pipeline.map_spec(Engine(), slices, "aprilgan", "brats", prompts)


@pytest.fixture(scope="module")
def _encoded():
    """Features of two subjects, so that their maps are quick."""
    for subject in (SUBJECT, OTHER):
        spec = spec_of(subject, prompt_sets.shipped()["minimal-pair"])
        pipeline.encode(Engine(), spec)


def opened(path, **state):
    chosen = {"data": "demo-2mm:", "subject": SUBJECT, "rule": "fixed", "method": "intensity"}
    return shown(at(path, **{**chosen, session.JOBS_OPEN.key: True, **state}))


def below(test):
    """What the sidebar says of jobs: bars, links to results, sentences."""
    bars = [bar.proto.text for bar in test.sidebar.get("progress")]
    links = [link.proto.label for link in test.sidebar.get("page_link")]
    return bars, links, [caption.value for caption in test.sidebar.caption]


@pytest.mark.parametrize("path", PAGES)
def test_jobs_are_seen_on_every_page(path):
    board, go = compute.engine().jobs, threading.Event()

    def counts(progress):
        progress(2, 8)
        go.wait(WAIT)
        progress(3, 8)

    job = board.start("k", "Counting", counts, "pages/4_Cohort.py")
    test = opened(path)
    assert "Counting: 2 of 8" in below(test)[0]
    test.button(key=f"stop-{id(job)}").click().run()
    assert "Counting: stopping after this step …" in below(test)[0]
    assert test.button(key=f"stop-{id(job)}").disabled
    go.set()
    while board.running():
        time.sleep(0.01)
    assert job.state == "cancelled"
    bars, _, said = below(shown(test))
    assert not any("Counting" in bar for bar in bars)
    assert any("Counting: stopped after 3 of 8" in one for one in said)


def test_cases_of_the_first_page_wait_for_what_a_tab_watches():
    """A user who went on to a subject is not held up by pictures of the page that was left."""
    board, go, steps = compute.engine().jobs, threading.Event(), []
    board.start("watched", "Encoding", lambda progress: go.wait(WAIT), kind=compute.ENCODING)

    def progress(done, total):
        steps.append(done)
        if len(steps) == 3:
            go.set()

    data, ready = DataSpec("demo-2mm"), threading.Thread()
    assert cases._tiles(compute.engine(), data, [SUBJECT], "t2f", "classic", ready, progress)
    assert len(steps) >= 3  # looking whether it was cancelled, then on after the other


def test_ended_jobs_lead_to_their_result_and_name_no_file():
    def bad(progress):
        raise DataError("The file is [truncated]; copy it again.")

    board = compute.engine().jobs
    board.start("good", "Evaluating", lambda progress: progress(4, 4, "rows"), "pages/4_Cohort.py")
    board.start("bad", "Reading", bad)
    board.start("mine", "Encoding an uploaded scan", bad)
    board.start("look", "Looking", lambda progress: None)  # gives nothing to see
    while board.running():
        time.sleep(0.01)
    test = opened("pages/6_Setup.py")
    _, links, said = below(test)
    assert "Evaluating: rows" in links
    assert [one for one in said if "The file is" in one or "uploaded" in one] == [
        ":material/error: Encoding an uploaded scan: failed; see its page."
    ]  # what went wrong may name a patient's file
    assert not any("Looking" in one for one in (*links, *said))
    assert test.button(key="jobs-line").label == "Jobs: 3 ended"
    test.button(key="jobs-line").click().run()
    assert not any("Evaluating" in link for link in below(test)[1])  # the line closes them
    test.button(key="jobs-line").click().run()
    _, links, said = below(test.button(key="clear-done").click().run())
    assert not [line for line in (*links, *said) if "failed" in line or "Evaluating" in line]


def test_a_job_says_whose_it_is_and_only_its_owner_stops_it():
    go, board = threading.Event(), compute.engine().jobs

    def work(progress):
        progress(1, 4)
        go.wait(WAIT)
        progress(2, 4)

    test = opened("app.py")
    mine = Client(hashlib.sha256(b"user her").hexdigest()[:32], "another tab")
    jobs = [
        board.start("mine", "Search", work, client=mine),
        board.start("other", "Null test", work, client=Client("him", "tab")),
    ]
    test.session_state["user"] = "her"
    bars, _, _ = below(test.run())
    assert any(bar.startswith("Yours: Search: 1 of 4") for bar in bars)
    assert any(bar.startswith("Another user's: Null test: 1 of 4") for bar in bars)
    assert test.button(key=f"stop-{id(jobs[1])}").disabled
    test.button(key="stop-all").click().run()
    go.set()
    for job in jobs:
        job.wait(WAIT)
    assert [job.state for job in jobs] == ["cancelled", "done"]


@pytest.mark.parametrize("path", PAGES)
def test_keys_and_colours_are_on_every_page(path):
    test = opened(path)
    said = " ".join(markdown.value for markdown in test.sidebar.markdown)
    assert len(keys()) > 20
    assert all(what in said for _, what in keys())
    assert "Ctrl+Enter" in said
    widget(test.toggle, "safe").set_value(True).run()
    assert not test.exception


@pytest.mark.usefixtures("_encoded")
def test_two_users_see_the_same_jobs_and_nothing_else_of_each_other():
    lab, fixed = "pages/2_Prompts.py", {"method": "aprilgan", "setup": "brats"}
    one = opened(lab, **fixed, prompts="minimal-pair")
    two = opened(lab, **fixed, prompts="minimal-pair", subject=OTHER)
    widget(one.text_area, "abnormal").set_value("a white cloud")
    widget(one.toggle, "safe").set_value(True)
    one.slider(key="lab_slice").set_value(12)
    shown(one)
    shown(two)
    assert widget(two.text_area, "abnormal").value == "a bright spot"
    assert widget(two.toggle, "safe").value is False
    assert two.slider(key="lab_slice").value != 12
    assert widget(two.selectbox, "subject").value == OTHER
    assert widget(shown(one).text_area, "abnormal").value == "a white cloud"
    go = threading.Event()
    compute.engine().jobs.start("k", "Counting", lambda progress: go.wait(WAIT))
    found = [below(shown(user))[0] for user in (one, two)]
    go.set()
    assert found[0] == found[1] == ["Counting: starting …"]


@pytest.mark.usefixtures("_encoded")
def test_an_edit_is_judged_on_chosen_subjects_at_once():
    lab = "pages/2_Prompts.py"
    test = opened(lab, method="aprilgan", setup="brats", prompts="minimal-pair")
    test.multiselect(key="also-demo-2mm").set_value([OTHER])
    widget(test.text_area, "abnormal").set_value("a white cloud").run()
    table = None
    deadline = time.monotonic() + WAIT
    while table is None and time.monotonic() < deadline:
        found = [one.value for one in shown(test).dataframe if "subject" in one.value.columns]
        table = found[0] if found else None
        time.sleep(0.1)
    assert table["subject"].tolist() == [OTHER, "mean", "mean low", "mean high"]
    edited = prompt_sets.shipped()["minimal-pair"]
    edited = spec_of(OTHER, edited.__class__(**{**vars(edited), "abnormal": ("a white cloud",)}))
    threshold = Threshold(pipeline.method_of(edited).high / 2, "fixed")
    found = pipeline.numbers(Engine(), edited, ReadoutSpec(), threshold)
    assert table["3D Dice"][0] == round(found.dice_3d, 3)
    assert table["Δ voxel AUROC (brain)"][0] != 0
    tried = [one for one in trials() if one.prompts.abnormal == ("a white cloud",)]
    kept = {(one.subject, one.by_hand) for one in tried}
    assert kept == {(SUBJECT, True), (OTHER, True)}  # both were looked at


def test_once_a_volume_is_encoded_its_map_is_there():
    engine, prompts = compute.engine(), prompt_sets.shipped()["appearance"]
    slices = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-018-000")
    spec = pipeline.map_spec(engine, slices, "winclip", "zero-shot", prompts)
    job, end = compute.start_encoding(spec), time.monotonic() + WAIT
    while job.state == "running" and time.monotonic() < end:
        time.sleep(0.05)
    assert job.state == "done", job.error
    assert engine.maps.peek(spec) is not None


@pytest.mark.parametrize("path", list(frame.PURPOSES))
def test_each_page_says_its_name_and_its_purpose(path):
    words = [one.value for one in shown(at(path, data="demo-2mm:", method="intensity")).markdown]
    assert f"**{frame.PAGES[path]}** · {frame.PURPOSES[path]}" in words
