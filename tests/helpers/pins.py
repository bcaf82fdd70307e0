"""Pins on the 2 mm demo, and the page that shows them."""

from tests.helpers.pages import PAGES, SUBJECT, at, shown
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.views import View
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, SliceSpec, Threshold
from zsad_core.workspace import pins


def view(subject=SUBJECT, index=30, value=0.4, method="intensity"):
    engine, prompts = Engine(), prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(
        engine, SliceSpec(DataSpec("demo-2mm"), subject), method, "zero-shot", prompts
    )
    return View(spec, index, Threshold(value, "fixed", "set by the slider"))


def pin(title, note="", **where):
    made = pins.pin_of(view(**where), title, note, "missed lesion", (0.25, 0.5))
    pins.add(made)
    return made


def opened(page, query=None, **choices):
    """A page as its address names it, of which Failures shows the pins."""
    test = at(PAGES[page], **{"failures": "Pins", **choices})
    for key, value in (query or {}).items():
        test.query_params[key] = value
    return shown(test)


def words(test):
    told = (test.info, test.warning, test.success, test.error, test.toast)
    return " ".join(one.value for kind in (test.markdown, test.caption, *told) for one in kind)
