"""Many subjects looked at one after the other: the device works for the one that is shown."""

import pytest

from pages.ui.shell import compute
from tests.helpers.pages import WAIT, at, shown, widget
from zsad_core.imaging import datasets
from zsad_core.inference import pipeline
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec

pytestmark = pytest.mark.usefixtures("small_demo")

DATA, MODALITY, METHOD = DataSpec("demo-2mm"), "t1n", "clipad"


def encoding_of(subject):
    """The job that encodes a subject; None if there is none."""
    engine, prompts = compute.engine(), prompt_sets.shipped()["appearance"]
    slices = SliceSpec(DATA, subject, MODALITY)
    spec = pipeline.map_spec(engine, slices, METHOD, "zero-shot", prompts)
    return engine.jobs.find(compute.encoding_key(spec))


def test_an_encoding_ends_once_another_subject_is_looked_at():
    subjects = [one.id for one in datasets.open_dataset(DATA).subjects() if not one.problem][:3]
    test = at(
        "pages/1_Explore.py", data="demo-2mm:", modality=MODALITY, method=METHOD, setup="zero-shot",
        rule="fixed", subject=subjects[0],
    )  # fmt: skip
    jobs = []
    for subject in subjects:
        widget(shown(test).selectbox, "subject").set_value(subject)
        shown(test)
        jobs.append(encoding_of(subject))
    *before, last = jobs
    for job in before:
        job.wait(WAIT)
    assert "cancelled" in {job.state for job in before} <= {"cancelled", "done"}
    assert last.state in ("running", "done")
    last.cancel()
    last.wait(WAIT)
