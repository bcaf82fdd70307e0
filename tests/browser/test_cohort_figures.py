"""Figures 4 and 5 in a browser: rows of an evaluation, drawn, and a panel that opens its slice."""

import re

import pytest

from zsad_core.evaluation.run import local, run
from zsad_core.evaluation.tasks import Cohort, Configuration
from zsad_core.inference.engine import Engine
from zsad_core.prompts.sets import NO_PROMPTS
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec

SUBJECT, OTHER = "DEMO-MET-014-000", "DEMO-MET-013-000"


@pytest.fixture(scope="module")
def user(user):
    """That user, with one subject evaluated."""
    evaluate(user, SUBJECT)
    return user


def evaluate(user, subject):
    configurations = (Configuration("intensity", "zero-shot", NO_PROMPTS),)
    cohort = Cohort(
        DataSpec("demo-2mm"), configurations, user / "results", names=(subject,), rules=("0.549",)
    )
    engine = Engine()
    run(engine, cohort, local(engine))


def test_a_panel_opens_its_slice_at_its_threshold(app, user):
    page, server = app
    page.goto(server.address("Cohort", data="demo-2mm:", method="intensity"))
    page.get_by_text("Figure 5: truth against prediction").wait_for()
    panels = page.get_by_role("button", name="Open in Explore")
    panels.nth(3).wait_for()
    shown = page.get_by_text(re.compile(r"Dice 0\.\d\d, threshold 0.549")).nth(1).inner_text()
    panels.nth(3).click()
    page.wait_for_url("**/Explore*")
    page.get_by_text("Threshold 0.549").first.wait_for()
    with results.connect(user / "results") as rows:
        index, dice = rows.sql(
            "SELECT index, dice FROM slices WHERE depth_middle >= 0 ORDER BY truth DESC, index"
        ).fetchall()[0]
    assert shown == f"Dice {dice:.2f}, threshold 0.549"
    page.get_by_text(re.compile(rf"^{index + 1} / \d+$")).first.wait_for()
    page.get_by_text(f"{dice:.3f}", exact=True).first.wait_for()


def test_a_point_of_figure_1_opens_its_subject_and_a_mean_opens_none(app, user):
    page, server = app
    evaluate(user, OTHER)
    with results.connect(user / "results") as rows:
        dice = dict(rows.sql("SELECT subject, dice_3d FROM subjects").fetchall())
    page.goto(server.address("Cohort", data="demo-2mm:", method="intensity"))
    drawn = page.get_by_test_id("stPlotlyChart").first.locator(".scatterlayer .trace")
    page.get_by_text("Figure 5: truth against prediction").wait_for()
    click(page, drawn.last.locator("path.point"))
    page.wait_for_timeout(1000)
    assert page.get_by_test_id("stException").count() == 0
    assert "/Cohort" in page.url
    click(page, page.get_by_test_id("stPlotlyChart").first.locator(".boxlayer path.point").first)
    page.wait_for_url(re.compile(f"/Explore.*({SUBJECT}|{OTHER})"))
    (subject,) = [name for name in dice if name in page.url]
    page.get_by_text(f"{dice[subject]:.3f}", exact=True).first.wait_for()


def click(page, mark):
    """Click a mark of a figure as a user does, who first moves there."""
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    place = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*place)
    page.wait_for_timeout(500)  # what is hovered over is what is clicked
    page.mouse.click(*place)
