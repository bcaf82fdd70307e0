"""Own files in a real browser: used, explored, still there after a reload, unseen by another."""

import nibabel as nib
import pytest

from zsad_core.imaging.datasets import uploaded
from zsad_core.imaging.datasets.demo import Demo
from zsad_core.types import DataSpec

INPUT = '[data-testid="stFileUploaderDropzoneInput"]'
LONG = 180_000


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A scan of the demo and its mask, a hostile file, and a folder with one more scan."""
    folder = tmp_path_factory.mktemp("files")
    volume = Demo(DataSpec("demo-2mm"), spacing_mm=2.0).load("DEMO-MET-013-000", "t2f")
    scan = nib.Nifti1Image(volume.intensity, volume.affine)
    nib.save(scan, folder / "head_flair.nii.gz")
    nib.save(nib.Nifti1Image(volume.labels, volume.affine), folder / "head_seg.nii.gz")
    (folder / "www.bad.org <i>x< *y* :smile:.nii.gz").write_bytes(b"no image")
    (folder / "tree" / "deep").mkdir(parents=True)
    nib.save(scan, folder / "tree" / "deep" / "other.nii.gz")
    return folder


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """The home of a user who did nothing yet."""
    return tmp_path_factory.mktemp("uploader")


def test_own_files_are_used_explored_and_seen_by_nobody_else(app, files, browser):
    page, server = app
    page.goto(server.address("Setup"))
    page.get_by_role("button", name="Look", exact=True).wait_for()  # the last thing on the page
    page.locator(INPUT).first.set_input_files([str(path) for path in files.glob("*.nii.gz")])
    page.get_by_role("button", name="Use 3 files").wait_for()
    page.locator(INPUT).last.set_input_files(str(files / "tree"))
    page.get_by_role("button", name="Use 4 files").click()
    main = page.get_by_test_id("stMain")
    main.get_by_text("head: t2f, ").wait_for()
    main.get_by_text("other: scan, ").wait_for()
    main.get_by_text("www.bad.org ?i?x? ?y? ?smile?.nii.gz: cannot be read as NIfTI").wait_for()
    assert main.locator("a, i, em").filter(has_text="bad").count() == 0

    page.reload()  # a new session of the same browser
    row = main.get_by_test_id("stHorizontalBlock").filter(has_text="head")
    row.get_by_role("button", name="Explore").click()
    page.locator(".z-title", has_text="head").wait_for()
    page.wait_for_function(f"new URL(location).searchParams.get('data') === '{uploaded.TITLE}'")
    mine = {"data": uploaded.TITLE, "subject": "head", "method": "intensity"}
    link = server.address("Explore", **mine)
    page.goto(link)
    best = page.get_by_test_id("stMetric").filter(has_text="Best Dice").first
    assert 0 < float(best.locator('[data-testid="stMetricValue"]').inner_text()) <= 1

    context = browser.new_context()
    other = context.new_page()
    other.set_default_timeout(LONG)
    other.goto(link)
    other.locator(".z-title", has_text="DEMO-").wait_for()
    other.goto(server.address("Setup"))
    other.get_by_text("Your files, in this browser").wait_for()
    other.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    assert other.get_by_role("button", name="Remove").count() == 0
    context.close()

    page.goto(server.address("Setup"))
    for left in (1, 0):
        main.get_by_role("button", name="Remove").first.click()
        page.wait_for_function(
            "n => [...document.querySelectorAll('button')]"
            ".filter(b => b.innerText.trim() === 'Remove').length === n",
            arg=left,
        )
