"""Files that a user takes away: a picture, volumes and numbers of the view."""

import io
import json
import zipfile

import pytest
from PIL import Image

LONG = 180_000
CHOICE = {"data": "demo-2mm:", "subject": "DEMO-MET-014-000", "rule": "fixed", "level": "100"}


@pytest.fixture
def app(page, serve, tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
    server = serve("app.py", ZSAD_HOME=str(tmp_path))
    page.set_default_timeout(LONG)
    yield page, server
    assert page.complaints == []
    assert server.complaints() == []


def downloaded(page, label):
    """Name and bytes of what a button gives."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    name, path = waiting.value.suggested_filename, waiting.value.path()
    return name, path.read_bytes()


def test_the_view_is_taken_away_as_files(app):
    page, server = app
    page.goto(server.address("Explore", **CHOICE, method="intensity", slice="40"))
    page.get_by_text("Export this view").click()
    name, content = downloaded(page, "PNG")
    assert name == "DEMO-MET-014-000_t2f_axial-041_intensity_zero-shot.png"
    with Image.open(io.BytesIO(content)) as image:
        assert "level 100 of 255" in image.text["Description"]
    page.locator(".z-slice").fill("30")
    page.wait_for_function("new URL(location).searchParams.get('slice') === '30'")
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="detached")
    name, content = downloaded(page, "Map and mask as NIfTI")
    assert "axial-031" in name
    with zipfile.ZipFile(io.BytesIO(content)) as folder:
        assert [one.partition("zero-shot")[2] for one in folder.namelist()] == [
            "_map.nii.gz",
            "_mask.nii.gz",
            ".json",
        ]
    name, content = downloaded(page, "Numbers as CSV")
    assert content.decode().startswith("# shows: DEMO-MET-014-000 · t2f · axial slice 31 of ")
