"""Files that a user takes away: of the view, and a deck of pinned cases."""

import io
import zipfile

from PIL import Image
from pptx import Presentation

from zsad_core.study.design import Design, cohorts
from zsad_core.study.reading import read
from zsad_core.types import DataSpec

CHOICE = {"data": "demo-2mm:", "subject": "DEMO-MET-014-000", "rule": "fixed", "threshold": "0.4"}


def settled(page):
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


def downloaded(page, label):
    """Name and bytes of what a button gives."""
    settled(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=label).click()
    name, path = waiting.value.suggested_filename, waiting.value.path()
    return name, path.read_bytes()


def test_the_view_is_taken_away_as_files(app):
    page, server = app
    page.goto(server.address("Explore", **CHOICE, method="intensity", slice="41"))
    page.get_by_text("Export this view").click()
    name, content = downloaded(page, "PNG")
    assert name == "DEMO-MET-014-000_t2f_axial-041_intensity_zero-shot.png"
    with Image.open(io.BytesIO(content)) as image:
        assert "threshold: 0.4 of 0 … 1" in image.text["Description"]
    page.locator(".z-slice").fill("30")
    page.wait_for_function("new URL(location).searchParams.get('slice') === '31'")
    name, content = downloaded(page, "SVG")
    assert "axial-031" in name
    name, content = downloaded(page, "Map and mask as NIfTI")
    assert name == "DEMO-MET-014-000_t2f_axial_intensity_zero-shot.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as folder:
        assert [one.partition("zero-shot")[2] for one in folder.namelist()] == [
            "_map.nii.gz",
            "_mask.nii.gz",
            ".json",
        ]
    name, content = downloaded(page, "Numbers as CSV")
    assert content.decode("utf-8-sig").startswith("# shows: DEMO-MET-014-000 · t2f · all ")


def test_pinned_cases_become_a_deck_that_opens_offline(app, tmp_path):
    page, server = app
    for slice_, title in (("41", "First <b>miss</b>"), ("51", "Second")):
        page.goto(server.address("Explore", **CHOICE, method="intensity", slice=slice_))
        page.get_by_role("button", name="Pin this view").click()
        page.get_by_label("Title").fill(title)
        page.get_by_role("button", name="Pin", exact=True).click()
        page.get_by_text(f"Pinned: {title}").wait_for()
    page.goto(server.address("Failures", failures="Pins"))
    page.get_by_text("Make a deck").click()
    page.get_by_role("button", name="Make the deck of 2 cases").click()
    name, content = downloaded(page, "PowerPoint")
    assert name == "Failure-cases.pptx"
    assert len(Presentation(io.BytesIO(content)).slides) == 4
    _, content = downloaded(page, "Web page")
    (tmp_path / "deck.html").write_bytes(content)
    page.context.set_offline(True)
    page.goto((tmp_path / "deck.html").as_uri())
    page.get_by_role("heading", name="Failure cases").wait_for()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="First <b>miss</b>").wait_for()
    picture = page.get_by_role("img", name="axial slice 41")
    assert picture.evaluate("one => one.naturalWidth") > 1000
    page.keyboard.press("End")
    page.get_by_role("heading", name="How it was made").wait_for()
    page.keyboard.press("PageUp")
    page.get_by_role("heading", name="Second").wait_for()
    assert not picture.is_visible()


def test_an_evaluation_is_saved_as_a_study_that_can_be_run(app, tmp_path):
    page, server = app
    page.goto(server.address("Cohort", data="demo-2mm:"))
    settled(page)
    page.get_by_role("radio", name="Evaluate").click()
    page.get_by_text("Copy as command, save as study file").click()
    name, content = downloaded(page, "Save as study file")
    assert name == "study.yaml"
    (tmp_path / name).write_bytes(content)
    study = read(tmp_path / name)
    assert (study.title, study.data.root) == ("Study of demo-2mm", "demo-2mm")
    assert study.thresholds == ("validation",)
    design = Design(study, DataSpec("demo-2mm"), tmp_path / "out")
    (cohort,), skipped = cohorts(design)
    assert skipped == []
    assert cohort.split == "test"
    command = page.locator("code").filter(has_text="zsad_core evaluate").inner_text()
    assert f"--methods {cohort.configurations[0].method} " in command
