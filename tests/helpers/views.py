"""Views of small scans for tests of what is made of them."""

from zsad_core.inference import pipeline
from zsad_core.inference.views import View
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec, Threshold

SLICES = SliceSpec(DataSpec("demo"), "DEMO-MET-013-000")
HOSTILE = 'a<b>&"q" $x^2$ \'=1+1'


def view_of(engine, data, subject, modality, method="intensity", plane="axial"):
    """The slice with most truth, or the middle one, at a threshold of 150/255."""
    slices = SliceSpec(data, subject, modality, plane)
    texts = prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(engine, slices, method, "zero-shot", texts)
    stack = engine.stack(slices)
    area = (stack.brain if stack.truth is None else stack.truth).sum((1, 2))
    return View(spec, int(area.argmax()), Threshold(150 / 255, "fixed", "set by the slider"))


def view(engine, index=80, method="intensity", setup="zero-shot", **more):
    """A slice of a subject of the demo under the oracle threshold."""
    prompts = more.pop("prompts", prompt_sets.shipped()["appearance"])
    spec = pipeline.map_spec(engine, SLICES, method, setup, prompts, **more)
    read = ReadoutSpec(120, False, 15, "nan", "centroid")
    return View(spec, index, Threshold(120, "oracle", "best 3D Dice"), read)
