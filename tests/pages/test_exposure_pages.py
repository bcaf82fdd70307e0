"""Pages that show numbers of a subject say what has seen it."""

from dataclasses import replace

import pytest

from pages.ui.shell import compute
from tests.helpers.pages import SUBJECT, opened
from zsad_core.base import settings
from zsad_core.inference import pipeline
from zsad_core.prompts import sets as prompt_sets
from zsad_core.types import DataSpec, ReadoutSpec, SliceSpec, Threshold
from zsad_core.workspace import history

pytestmark = pytest.mark.usefixtures("small_demo", "_encoded")

APRIL = {"method": "aprilgan", "setup": "brats"}
TUNED, USUAL = {"prompts": "tuned"}, {"prompts": "appearance"}
COMPARED = {**USUAL, "compare": ["aprilgan · prompts tuned"]}


@pytest.mark.parametrize(
    ("page", "choice", "named"),
    [
        ("Prompts", {"lab": "Edit", **TUNED}, "before, now (prompts tuned on it)"),
        ("Depth", TUNED, "APRIL-GAN · brats (prompts tuned on it)"),
        ("Explore", COMPARED, "APRIL-GAN · prompts tuned (prompts tuned on it)"),
    ],
)
def test_numbers_of_a_subject_that_the_prompts_were_tuned_on_are_called_exposed(
    page, choice, named
):
    usual = prompt_sets.shipped()["appearance"]
    tuned = replace(usual, name="tuned", tuned_on=(SUBJECT,))
    prompt_sets.save(tuned, settings.prompt_folder())
    said = [one.value for one in opened(page, **APRIL, **choice).warning]
    assert any(f"these numbers flatter: {named}." in one.replace("\\", "") for one in said), said
    fair = {name: value for name, value in {**choice, **USUAL}.items() if name != "compare"}
    said = [one.value for one in opened(page, **APRIL, **fair).warning]
    assert not any("Exposed" in one for one in said), said


def test_texts_that_were_edited_in_view_of_a_subject_are_tuned_on_it_on_explore_too():
    usual = prompt_sets.shipped()["appearance"]
    edited = replace(usual, name="appearance (edited)", abnormal=("a white cloud",))
    slices = SliceSpec(DataSpec("demo-2mm"), SUBJECT, "t2f")
    spec = pipeline.map_spec(compute.engine(), slices, "aprilgan", "brats", edited)
    at = Threshold(0.5, "fixed", "set by hand")
    choice = {**APRIL, **USUAL, "abnormal": "a white cloud"}
    words = "Exposed, so its numbers flatter: prompts tuned on it."
    before = [one.value for one in opened("Explore", **choice).warning]
    history.add(spec, pipeline.numbers(compute.engine(), spec, ReadoutSpec(), at), at, True)
    after = [one.value for one in opened("Explore", **choice).warning]
    assert (words in before, words in after) == (False, True)
