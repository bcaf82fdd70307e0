"""Pins and presentation in process, on the 2 mm demo."""

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from zsad_core import pins, pipeline, prompt_sets
from zsad_core.engine import Engine
from zsad_core.places import home
from zsad_core.types import DataSpec, SliceSpec, Threshold
from zsad_core.views import View

REPOSITORY = Path(__file__).parents[2]
DATA = DataSpec("demo-2mm")
SUBJECT = "DEMO-MET-013-000"
PAGES = {"Explore": "pages/1_Explore.py", "Failures": "pages/5_Failures.py"}
WAIT = 120


@pytest.fixture(autouse=True)
def _small_demo():
    home().mkdir(parents=True, exist_ok=True)
    (home() / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))


def view(subject=SUBJECT, index=30, level=100, method="intensity"):
    engine, prompts = Engine(), prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(engine, SliceSpec(DATA, subject), method, "zero-shot", prompts)
    return View(spec, index, Threshold(level, "fixed", "set by the slider"))


def pin(title, note="", **where):
    made = pins.pin_of(view(**where), title, note, "missed lesion", (0.25, 0.5))
    pins.add(made)
    return made


def opened(page, query=None, **state):
    test = AppTest.from_file(REPOSITORY / "app.py", default_timeout=WAIT)
    test.switch_page(PAGES[page])
    for key, value in (query or {}).items():
        test.query_params[key] = value
    for key, value in state.items():
        test.session_state[key] = value
    test.run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def words(test):
    kinds = (test.markdown, test.caption, test.info, test.warning, test.success, test.error)
    return " ".join(one.value for kind in kinds for one in kind)


def button(test, label, at=0):
    return [one for one in test.button if one.label == label][at]


def shown(test):
    """What the presenting viewer is told, from its JSON."""
    raw = next(e.proto for e in test.get("bidi_component") if "case" in str(e.proto.json))
    return json.loads(raw.json)


def test_explore_pins_the_view_with_its_note_and_numbers():
    choice = {"data": "demo-2mm:", "subject": SUBJECT, "rule": "fixed", "method": "intensity"}
    test = opened("Explore", **choice, slice=30, level=100)
    title = next(one for one in test.text_input if one.label == "Title")
    title.set_value("Half <b>found</b>")
    next(one for one in test.text_area if one.label == "Note").set_value("why?")
    button(test, "Pin").click().run()
    assert not test.exception
    assert "Pinned." in words(test)
    [one] = pins.all_pins()
    assert (one.title, one.note, one.index, one.threshold.level) == ("Half <b>found</b>", "why?", 30, 100)
    metric = next(m.value for m in test.metric if m.label == "3D Dice")
    assert f"{one.volume_dice:.3f}" == metric
    button(test, "Pin").click().run()
    assert "pinned already" in words(test)
    assert len(pins.all_pins()) == 1


def test_without_pins_the_page_says_how_to_pin():
    test = opened("Failures")
    assert "Pin this view" in words(test)
    test.segmented_control(key="failures").set_value("Present").run()
    assert "Pin this view" in words(test)
