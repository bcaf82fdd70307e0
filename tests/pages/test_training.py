"""Training from the Setup page: start, watch, cancel, go on; the result is a setup."""

import time
from pathlib import Path

import pytest
from safetensors import safe_open

from pages.ui.shell import compute
from tests.helpers.image_sets import mvtec
from tests.helpers.pages import WAIT, at, shown
from tests.helpers.weights import small_backbone
from zsad_core import setups
from zsad_core.base.jobs import INTERACTIVE
from zsad_core.base.paths import home
from zsad_core.training import own


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return [str(path) for path in small_backbone(tmp_path_factory.mktemp("clip"))]


@pytest.fixture(autouse=True)
def _no_jobs(small_demo):
    """Jobs of other tests are forgotten."""
    board = compute.engine().jobs
    for job in [found for key, found in board._jobs.items() if key.startswith("train-")]:
        board.drop(job)


def opened():
    return shown(at("pages/6_Setup.py", section="Train"))


def fill(test, small, **fields):
    named = {"backbone": small[0], "weights": small[1], "epochs": 2, "side": 32, **fields}
    for key, value in named.items():
        kinds = (test.text_input, test.number_input, test.selectbox)
        found = [w for kind in kinds for w in kind if w.key == f"train-{key}"]
        found[0].set_value(value)
    return test


def click(test, label):
    next(button for button in test.button if button.label == label).click().run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def job_of(name):
    return compute.engine().jobs.find(f"train-{own.folder() / name}.safetensors")


def ended(name):
    deadline = time.monotonic() + WAIT
    while job_of(name).state == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    return job_of(name).state


def test_aprilgan_trains_on_the_demo_and_becomes_a_setup(small):
    test = fill(opened(), small, name="mine", data="demo-2mm:", subjects=2, slices=3, seed=4)
    click(test, "Train")
    assert ended("aprilgan-mine") == "done"
    entry = setups.find("aprilgan", "mine")
    assert setups.missing(entry) == ""
    assert entry.checkpoint == str(home() / "trained/aprilgan-mine.safetensors")
    assert "--setup brats" in entry.provenance
    with safe_open(entry.checkpoint, "numpy") as file:
        facts = file.metadata()
    assert facts["train_subjects"] == "DEMO-MET-001-000 DEMO-MET-002-000"
    assert facts["validation_subjects"] == "DEMO-MET-009-000"
    assert facts["command"].endswith("--epochs 2 --loss-side 32 --seed 4")
    assert shown(test).success[0].value.startswith("Training APRIL-GAN · mine: epoch ")
    assert own.pending() == []
    assert list((home() / "trained").iterdir()) == [Path(entry.checkpoint)]


def test_a_cancelled_training_waits_and_goes_on(small, tmp_path):
    test = opened()
    test.selectbox(key="train-method").set_value("anomalyclip")
    test.selectbox(key="train-setup").set_value("industrial")
    shown(test)
    fill(test, small, name="long", images=str(mvtec(tmp_path / "data")), epochs=40)
    click(test, "Train")
    job, deadline = job_of("anomalyclip-long"), time.monotonic() + WAIT
    while not list((home() / "trained").glob("*.unfinished")) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert "loss" in job.note
    job.cancel()
    assert ended("anomalyclip-long") == "cancelled"
    assert setups.entries() == setups.shipped()
    texts = [found.value for found in shown(test).markdown]
    assert any("was stopped; " in text and " saved." in text for text in texts)
    click(test, "Continue")
    assert ended("anomalyclip-long") == "done"
    assert job_of("anomalyclip-long") is not job
    assert setups.missing(setups.find("anomalyclip", "long")) == ""
    assert own.pending() == []


def test_a_training_waits_while_a_user_has_the_device(small):
    test = fill(opened(), small, name="waits", data="demo-2mm:", subjects=2, slices=3)
    with compute.engine().queue.turn(INTERACTIVE):
        click(test, "Train")
        time.sleep(1)
        assert "loss" not in job_of("aprilgan-waits").note
        assert job_of("aprilgan-waits").state == "running"
    assert ended("aprilgan-waits") == "done"
    test.button(key="jobs-line").click().run()
    assert "Training APRIL-GAN · waits: epoch" in " ".join(_links(test.sidebar))


def _links(block):
    return [link.proto.label for link in block.get("page_link")]


def test_a_stopped_training_can_be_dropped(small, tmp_path):
    test = opened()
    test.selectbox(key="train-setup").set_value("industrial")
    shown(test)
    fill(test, small, name="bad", images=str(tmp_path))
    click(test, "Train")
    assert ended("aprilgan-bad") == "failed"
    errors = [found.value for found in shown(test).error]
    assert any("takes no scans" in error for error in errors)
    assert len(own.pending()) == 1
    click(test, "Discard")
    assert own.pending() == []
    assert list((home() / "trained").iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "brats"}, "is a shipped setup and stays as it is"),
        ({"name": "a b"}, "cannot be used; give up to 40 letters"),
        ({"name": "mine", "backbone": "none.json"}, "There is no model config"),
    ],
)
def test_what_cannot_be_is_refused_at_once(small, fields, words):
    test = click(fill(opened(), small, **fields), "Train")
    assert words in test.error[0].value
    assert own.pending() == []
