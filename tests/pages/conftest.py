"""What a user of the pages has."""

import json

import pytest

from zsad_core.base.paths import home


@pytest.fixture
def small_demo():
    """The 2 mm cohort, added in the settings."""
    home().mkdir(parents=True, exist_ok=True)
    (home() / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
