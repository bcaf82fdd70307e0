"""Pages that show numbers of a subject say what has seen it."""

from dataclasses import replace

import pytest

from tests.helpers.pages import SUBJECT, opened
from zsad_core.base import settings
from zsad_core.prompts import sets as prompt_sets

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
