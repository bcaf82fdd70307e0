"""Files of the view shown, in process: offered at once, made only when asked for."""

import time

import pytest

from pages.ui.explore import export
from pages.ui.shell import compute
from tests.helpers.pages import WAIT, at, download_labels, widget
from zsad_core.inference.views import View
from zsad_core.types import (
    BackboneSpec,
    DataSpec,
    FeatureSpec,
    MapSpec,
    PromptSet,
    SliceSpec,
    Threshold,
)


@pytest.fixture
def explore(small_demo):
    """Explore with a map that is there at once."""
    chosen = {"data": "demo-2mm:", "subject": "DEMO-MET-013-000", "rule": "fixed"}
    return at("pages/1_Explore.py", **chosen, method="intensity")


def test_files_are_offered_and_none_is_made_by_showing_the_page(explore, monkeypatch):
    def called(*_, **__):
        raise AssertionError("a file was made")

    for name in ("picture", "animation", "volumes", "numbers"):
        monkeypatch.setattr(export, name, called)
    offered = ["PNG", "SVG", "Map and mask as NIfTI", "Numbers as CSV"]
    assert download_labels(explore.run()) == offered
    assert any("not a medical device" in caption.value for caption in explore.caption)
    explore.session_state["slice"] = 30
    assert download_labels(explore.run()) == offered


def test_pictures_have_the_colours_chosen_for_every_page(explore, monkeypatch):
    looks = []
    monkeypatch.setattr(export, "_picture", lambda view, look: looks.append(look.palette))
    explore.run()
    widget(explore.toggle, "safe").set_value(True).run()
    assert looks == ["classic", "safe"]
    assert any("Save picture (key s)" in caption.value for caption in explore.caption)


def test_without_a_panel_the_page_says_what_to_choose(explore):
    explore.run()
    explore.button_group(key="export-panels").set_value([]).run()
    assert download_labels(explore) == []
    assert any("Choose at least one panel" in info.value for info in explore.info)


def test_a_job_names_no_uploaded_scan():
    def view(kind):
        features = FeatureSpec(SliceSpec(DataSpec(kind), "Jane"), None, BackboneSpec(), "float32")
        spec = MapSpec(features, "intensity", "zero-shot", PromptSet("", (), ()))
        return View(spec, 0, Threshold(1, "fixed"))

    assert export.job_title(view("folder")) == "Animation of Jane by Intensity · zero-shot"
    assert (
        export.job_title(view("upload")) == "Animation of an uploaded scan by Intensity · zero-shot"
    )


def test_an_animation_is_made_in_the_background_and_then_offered(explore):
    explore.run()
    explore.button_group(key="export-panels").set_value(["classes"]).run()
    (start,) = (one for one in explore.button if one.label == "Make the animation")
    start.click().run()
    until = time.monotonic() + WAIT
    while "GIF" not in download_labels(explore):
        assert time.monotonic() < until
        time.sleep(0.5)
        explore.run()
    kept = compute.results().peek(start.key.removeprefix("start-"))
    assert export.content_of(kept).startswith(b"GIF89a")
