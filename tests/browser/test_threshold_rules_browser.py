"""Explore at the threshold of a rule: the viewer's mask of the volume is the server's."""

import numpy as np
import pytest

from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.metrics.threshold_rules import RULES, MapRule, rule_of
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec

SUBJECT = "DEMO-MET-014-000"
VIEWER = ".z-root"


@pytest.fixture(scope="module")
def user(shared_home):
    return shared_home


@pytest.fixture(scope="module")
def whole():
    """The stack and the map of the subject."""
    engine, slices = Engine(), SliceSpec(DataSpec("demo-2mm"), SUBJECT)
    prompts = prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(engine, slices, "intensity", "zero-shot", prompts)
    return engine.stack(slices), pipeline.anomaly_map(engine, spec)


@pytest.mark.parametrize("text", [r.text for r in RULES.values() if isinstance(r, MapRule)])
def test_the_mask_of_a_rule_is_the_servers(app, whole, text):
    page, server = app
    rule, (stack, anomaly) = rule_of(text), whole
    choice = {"data": "demo-2mm:", "subject": SUBJECT, "method": "intensity", "rule": rule.name}
    page.goto(server.address("Explore", **choice))
    page.get_by_text(f"({text}: ").wait_for()
    page.locator(f'{VIEWER}[data-volume-counts*=","]').wait_for()
    value = np.float32(rule.of_map(anomaly.values, stack.brain, stack.truth))
    mask = stack.brain & (anomaly.values >= value)
    hits, both = int(mask.sum()), int((mask & stack.truth).sum())
    counts = f"{both},{hits - both},{int(stack.truth.sum()) - both}"
    page.locator(f'{VIEWER}[data-volume-counts="{counts}"]').wait_for()
    assert np.float32(page.locator(VIEWER).get_attribute("data-threshold")) == value
