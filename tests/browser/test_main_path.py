"""The main way through the app: choose, scrub, threshold, edit a prompt, depth, back by a link."""

import json
from urllib.parse import parse_qs, urlparse

import pytest

VIEWER = ".z-root"
SUBJECT = "DEMO-MET-013-000"
LONG = 180_000


@pytest.fixture
def app(page, serve, tmp_path_factory):
    user = tmp_path_factory.mktemp("user")
    (user / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
    server = serve("app.py", ZSAD_HOME=str(user))
    page.set_default_timeout(LONG)
    yield page, server
    assert page.complaints == []
    assert "Traceback" not in server.output
    assert "Warning" not in server.output


def settled(page):
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="detached")


def address(page):
    return {key: values[0] for key, values in parse_qs(urlparse(page.url).query).items()}


def test_the_main_way(app):
    page, server = app
    query = f"data=demo-2mm:&subject={SUBJECT}&method=aprilgan&setup=brats&rule=fixed"
    page.goto(f"{server.url}/Explore?{query}")
    page.locator(f"{VIEWER}[data-slice]").wait_for()
    page.get_by_text("3D Dice").first.wait_for()  # the whole volume is encoded

    page.locator(".z-slice").fill("30")
    page.locator(f'{VIEWER}[data-slice="30"]').wait_for()
    before = page.locator(VIEWER).get_attribute("data-volume-dice")
    page.locator(".z-threshold").fill("100")
    page.locator(f'{VIEWER}[data-threshold="100"]').wait_for()
    page.wait_for_function("new URL(location).searchParams.get('level') === '100'")
    assert page.locator(VIEWER).get_attribute("data-volume-dice") != before
    assert address(page)["slice"] == "30"

    shown = page.locator(VIEWER).get_attribute("data-volume-dice")
    page.get_by_text("level 100 of 255").wait_for()
    metric = page.locator('[data-testid="stMetricValue"]').first.inner_text()
    assert float(metric) == pytest.approx(float(shown), abs=1e-3)  # browser and server agree

    link = page.url
    page.get_by_role("link", name="Prompts").click()
    page.get_by_text("voxel AUROC (brain)").first.wait_for(state="attached")
    page.get_by_label("Abnormal texts, one a line").fill("a bright spot\na large bright stain")
    page.get_by_label("Abnormal texts, one a line").blur()
    page.get_by_text("now: appearance (edited)").wait_for()
    settled(page)

    page.get_by_role("link", name="Depth").click()
    page.locator(".js-plotly-plot .point").first.wait_for()
    page.locator(".js-plotly-plot .scatterlayer .point").nth(3).click(force=True)
    page.locator(f"{VIEWER}[data-slice]").wait_for()
    assert "/Explore" in page.url

    page.goto(link)
    page.locator(f'{VIEWER}[data-slice="30"][data-threshold="100"]').wait_for()
    page.get_by_text("3D Dice").first.wait_for()
    assert address(page)["subject"] == SUBJECT


@pytest.mark.parametrize("path", ["", "Explore", "Prompts", "Depth", "Setup"])
def test_every_page_opens_without_complaint(app, path):
    page, server = app
    page.goto(f"{server.url}/{path}?data=demo-2mm:&subject={SUBJECT}&method=intensity&rule=fixed")
    page.locator('[data-testid="stAppViewContainer"]').wait_for()
    settled(page)
    assert page.locator('[data-testid="stException"]').count() == 0
