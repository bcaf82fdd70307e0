"""Pages that show numbers of a subject say what has seen it."""

from dataclasses import replace

import pytest

from tests.helpers.pages import SUBJECT, opened
from zsad_core.base import settings
from zsad_core.prompts import sets as prompt_sets

pytestmark = pytest.mark.usefixtures("small_demo", "_encoded")

APRIL = {"method": "aprilgan", "setup": "brats"}
PLACES = {
    "before and now in the lab": ("Prompts", {**APRIL, "lab": "Edit"}, "before, now"),
    "the curve of one subject": ("Depth", APRIL, "AprilGAN · brats"),
    "a map beside another": (
        "Explore",
        {"method": "intensity", "setup": "zero-shot", "compare": ["aprilgan · brats"]},
        "AprilGAN · brats",
    ),
}


@pytest.fixture(params=PLACES)
def warnings(request):
    """warnings(prompts) are those of a page with texts of that name, and whom they should name."""
    page, choice, name = PLACES[request.param]

    def shown(prompts):
        return [one.value for one in opened(page, **choice, prompts=prompts).warning], name

    return shown


def test_numbers_of_a_subject_that_the_prompts_were_tuned_on_are_called_exposed(warnings):
    usual = prompt_sets.shipped()["appearance"]
    tuned = replace(usual, name="tuned", tuned_on=(SUBJECT,))
    prompt_sets.save(tuned, settings.prompt_folder())
    said, name = warnings("tuned")
    assert any("Exposed, so these numbers flatter: " in one and name in one for one in said), said
    said, _ = warnings("appearance")
    assert not any("Exposed" in one for one in said), said
