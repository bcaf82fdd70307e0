"""A page speaks of what the scans show, which is not always a brain."""

import re

import pytest

from tests.helpers.brats import patients
from tests.helpers.pages import at, shown
from zsad_core.base import settings
from zsad_core.types import DataSpec

PAGES = {
    "pages/1_Explore.py": {"rule": "share", "solid": True},
    "pages/2_Prompts.py": {},
    "pages/3_Depth.py": {},
    "pages/4_Cohort.py": {"cohort-section": "Evaluate", "cohort-rules": ["share", "oracle"]},
}


@pytest.mark.parametrize("page", PAGES)
def test_no_page_calls_a_knee_a_brain(tmp_path, page):
    root = patients(tmp_path, count=2, points=1).root
    settings.remember(DataSpec("brats", root, region="knee"))
    chosen = {"data": f"brats:{root}", "method": "intensity", **PAGES[page]}
    test = shown(at(page, **chosen))
    text = re.sub("key='[^']*'", "", repr(list(test.main)) + repr(list(test.sidebar)))
    assert "knee" in text
    assert not re.findall(r".*\bbrains?\b.*", text, re.IGNORECASE)
