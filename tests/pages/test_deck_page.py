"""The deck of pinned cases, made from the Failures page, in process."""

import io
import time

import pytest
from pptx import Presentation

from pages.ui.explore import export
from pages.ui.shell import compute
from tests.helpers.pages import WAIT, at, download_labels
from tests.helpers.views import view_of
from zsad_core.inference.engine import Engine
from zsad_core.types import DataSpec
from zsad_core.workspace import pins


@pytest.fixture
def failures(small_demo):
    test = at("pages/5_Failures.py")
    test.query_params["failures"] = "Pins"
    return test


def test_a_deck_of_the_pins_is_made_in_the_background_and_then_offered(failures):
    view = view_of(Engine(), DataSpec("demo-2mm"), "DEMO-MET-013-000", "t2f")
    pins.add(pins.pin_of(view, "Half <b>found</b>", "look", "Missed lesion"))
    failures.run()
    failures.text_input(key="deck-title").set_value("Two *failures*").run()
    (start,) = (one for one in failures.button if one.label == "Make the deck of 1 case")
    start.click().run()
    until = time.monotonic() + WAIT
    while "PowerPoint (PPTX)" not in download_labels(failures):
        assert time.monotonic() < until
        time.sleep(0.5)
        failures.run()
    kept = compute.results().peek(start.key.removeprefix("start-"))
    slides = Presentation(io.BytesIO(export.content_of(kept["pptx"]))).slides
    assert [slide.shapes.title.text for slide in slides] == [
        "Two *failures*",
        "Missed lesion: Half <b>found</b>",
        "How it was made",
    ]
    assert b"Half &lt;b&gt;found" in export.content_of(kept["html"])


def test_without_pins_no_deck_is_offered(failures):
    failures.run()
    assert download_labels(failures) == ["Download pins"]
    assert not [one for one in failures.button if "deck" in one.label]
