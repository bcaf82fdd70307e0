"""What a user of the pages has."""

import json

import pytest

from pages.ui.shell import compute
from tests.helpers.pages import SUBJECT, end_jobs
from zsad_core.base.paths import home
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec


@pytest.fixture(scope="session", autouse=True)
def _jobs_end():
    """Jobs that pages began end before the process does, which else cuts them short."""
    yield
    end_jobs(compute.engine().jobs)


@pytest.fixture
def small_demo():
    """The 2 mm cohort, added in the settings."""
    home().mkdir(parents=True, exist_ok=True)
    (home() / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))


@pytest.fixture(scope="module")
def _encoded():
    """The subject's features, so that pages show whole maps at once."""
    engine = Engine()
    slices = SliceSpec(DataSpec("demo-2mm"), SUBJECT)
    prompts = prompt_sets.shipped()["appearance"]
    pipeline.encode(engine, pipeline.map_spec(engine, slices, "aprilgan", "brats", prompts))
