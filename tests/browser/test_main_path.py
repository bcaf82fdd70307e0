"""The main way through the app: choose, scrub, threshold, edit a prompt, depth, back by a link."""

import re
from urllib.parse import parse_qs, urlencode, urlparse

import pytest

from zsad_core.metrics.thresholds import threshold_text
from zsad_core.prompts.sets import shipped

expect = pytest.importorskip("playwright.sync_api").expect
VIEWER = ".z-root"
SUBJECT = "DEMO-MET-014-000"
CHOICE = {"data": "demo-2mm:", "subject": SUBJECT, "rule": "fixed"}


@pytest.fixture(scope="module")
def user(shared_home):
    return shared_home


def settled(page):
    page.locator('[data-testid="stStatusWidget"]').wait_for(state="detached")


def whole_volume(page):
    """The metric that is there once the whole map is."""
    metric = page.get_by_test_id("stMetric").filter(has_text="3D Dice").first
    metric.wait_for()
    return metric


def address(page):
    return {key: values[0] for key, values in parse_qs(urlparse(page.url).query).items()}


def test_the_main_way(app):
    page, server = app
    page.goto(server.address("Explore", **CHOICE, method="winclip", setup="zero-shot"))
    whole_volume(page)

    page.locator(".z-slice").fill("30")
    page.locator(f'{VIEWER}[data-slice="30"]').wait_for()
    before = page.locator(VIEWER).get_attribute("data-volume-dice")
    page.locator(".z-threshold").fill("100")
    page.locator(f'{VIEWER}[data-cut="100"]').wait_for()
    value = page.locator(VIEWER).get_attribute("data-threshold")
    page.wait_for_function(f"+new URL(location).searchParams.get('threshold') === {value}")
    assert page.locator(VIEWER).get_attribute("data-volume-dice") != before
    assert address(page)["slice"] == "31"  # as on screen, from 1
    page.locator(".z-cell", has_text="slice").get_by_text("31 / ").wait_for()

    page.get_by_text(f"Threshold {threshold_text(float(value))} of 0 … 1").wait_for()
    page.locator(f'{VIEWER}[data-volume-dice*="."]').wait_for()  # with thresholds sent anew
    shown = page.locator(VIEWER).get_attribute("data-volume-dice")
    metric = whole_volume(page).locator('[data-testid="stMetricValue"]').inner_text()
    assert float(metric) == pytest.approx(float(shown), abs=1e-3)  # browser and server agree

    link = page.url
    page.get_by_role("link", name="Prompts").click()
    page.get_by_text("before: appearance").wait_for()
    page.get_by_text("voxel AUROC (brain)").first.wait_for(state="attached")
    page.get_by_label("Abnormal texts, one per line").fill("a bright spot\na large bright stain")
    page.get_by_label("Abnormal texts, one per line").blur()
    page.get_by_text("now: appearance (edited)").wait_for()
    settled(page)
    edited = page.url

    page.get_by_role("link", name="Depth").click()
    page.locator(".js-plotly-plot .point").first.wait_for()
    page.locator(".js-plotly-plot .scatterlayer .point").nth(3).click(force=True)
    page.locator(f"{VIEWER}[data-slice]").wait_for()
    assert "/Explore" in page.url

    page.goto(link)
    page.locator(f'{VIEWER}[data-slice="30"][data-threshold="{value}"]').wait_for()
    whole_volume(page)
    assert address(page)["subject"] == SUBJECT
    page.goto(edited)
    page.get_by_text("now: appearance (edited)").wait_for()
    texts = "a bright spot\na large bright stain"
    expect(page.get_by_label("Abnormal texts, one per line")).to_have_value(texts)  # a moment later


def test_the_start_page_opens_a_failure_case(app):
    page, server = app
    page.goto(server.address("", **CHOICE, method="intensity"))
    page.get_by_role("button", name="Show me a failure").click()
    page.locator(".z-title", has_text="DEMO-MET-026-000").wait_for()
    for key, value in (("subject", "DEMO-MET-026-000"), ("method", "intensity")):
        page.wait_for_function(f"new URL(location).searchParams.get('{key}') === '{value}'")
    page.get_by_text("is lesion that was found").wait_for()
    page.get_by_text("2 Threshold", exact=True).click()
    page.get_by_text("it uses the ground truth").wait_for()
    page.wait_for_function("new URL(location).searchParams.get('tour') === '2 Threshold'")
    page.reload()
    page.get_by_text("it uses the ground truth").wait_for()
    page.get_by_role("button", name="End tour").click()
    page.get_by_role("button", name="End tour").wait_for(state="detached")
    page.get_by_role("link", name="Depth").click()
    page.locator(".js-plotly-plot").first.wait_for()
    page.get_by_role("link", name="Explore").click()
    whole_volume(page)
    page.reload()
    whole_volume(page)
    assert page.get_by_role("button", name="End tour").count() == 0


def test_every_key_of_the_tour_does_what_it_says(app):
    page, server = app
    tour = {**CHOICE, "method": "winclip", "setup": "zero-shot", "tour": "1 Colours"}
    page.goto(server.address("Explore", **tour))
    whole_volume(page)
    page.locator(VIEWER).evaluate("root => root.scrollIntoView()")
    layers = {"1 Colours": {"2": "outline", "5": "map"}, "4 Why": {"6": "grid"}}
    told = page.get_by_test_id("stMain").get_by_test_id("stMarkdownContainer")
    named = set()
    for step, keys in layers.items():
        page.get_by_text(step, exact=True).click()  # which takes the focus from the picture
        page.wait_for_function(f"new URL(location).searchParams.get('tour') === '{step}'")
        settled(page)
        named |= set(told.locator("code").all_inner_texts())
        told.get_by_text("Click the picture").wait_for()
        page.locator(".z-canvas").click()
        for key, layer in keys.items():
            page.keyboard.press(key)
            page.locator(f'.z-layer[data-layer="{layer}"][aria-pressed="true"]').wait_for()
    assert named == {"w", "o", "2", "5", "6"}
    for name in ("AUROC", "AP"):
        number = page.locator(".z-cell", has_text=name).locator(".z-value").first
        assert 0 < float(number.inner_text()) < 1
    page.keyboard.press("w")
    worst = page.locator(VIEWER).get_attribute("data-slice")
    page.keyboard.press("j")
    page.locator(".z-title").get_by_text(SUBJECT).wait_for(state="detached")
    assert worst


def test_keys_and_colours_are_within_reach(app):
    page, server = app
    page.goto(server.address("Explore", **CHOICE, method="intensity"))
    page.locator(f"{VIEWER}[data-slice]").wait_for()
    page.get_by_text("Keys and colours").click()
    listed = page.get_by_test_id("stMarkdown").get_by_text("next / previous lesion")
    listed.wait_for()
    page.get_by_text("Colour-blind-safe colours").click()
    page.locator('.z-palettes [aria-pressed="true"]', has_text="Colour-blind safe").wait_for()
    page.wait_for_function("new URL(location).searchParams.get('safe') === 'true'")
    page.keyboard.press("Escape")
    listed.wait_for(state="hidden")


def test_back_and_forward_lead_to_a_page_with_its_choice_and_texts(app):
    page, server = app
    page.goto(server.address("Explore", **CHOICE, method="winclip"))
    page.locator(f"{VIEWER}[data-slice]").wait_for()
    page.wait_for_function("new URL(location).searchParams.has('slice')")
    noted = "() => window.shown.push(location.search)"
    page.evaluate(f"window.shown = []; navigation.addEventListener('currententrychange', {noted})")
    steps = page.evaluate("history.length")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Prompts").click()
    texts = page.get_by_label("Normal texts, one per line", exact=True)
    texts.fill("my own words")
    texts.press("Control+Enter")
    page.wait_for_function("location.search.includes('normal=my+own+words')")
    assert page.evaluate("history.length") == steps + 1
    assert all("subject=" in search for search in page.evaluate("window.shown"))
    late = "history.pushState(null, '', '/Prompts?late=yes')"  # an answer on its way
    page.evaluate(f"window.addEventListener('popstate', () => {late})")
    page.go_back()
    page.wait_for_function("location.pathname === '/Explore'")
    page.locator(f"{VIEWER}[data-slice]").wait_for()
    found = address(page)
    assert (found["subject"], found["method"]) == (SUBJECT, "winclip")
    page.go_forward()
    page.wait_for_function("location.pathname === '/Prompts'")
    page.locator("textarea", has_text="my own words").wait_for()
    expect(page.get_by_label("Abnormal texts, one per line")).not_to_have_value("")


def test_a_set_chosen_replaces_the_texts_that_the_address_holds(app):
    page, server = app
    texts = {"prompts": "appearance", "normal": "my own words", "abnormal": "a hole"}
    page.goto(server.address("Prompts", **CHOICE, method="winclip", setup="zero-shot", **texts))
    page.get_by_text("now: appearance (edited)").wait_for()
    words = ("Normal texts, one per line", "Abnormal texts, one per line")
    boxes = [page.get_by_label(label, exact=True).filter(visible=True) for label in words]
    expect(boxes[0]).to_have_value("my own words")
    chosen = page.get_by_test_id("stSidebar").get_by_label("Prompts", exact=True)
    for name in ("medical", "minimal-pair"):
        chosen.click()
        chosen.fill(name)
        page.get_by_role("option", name=name, exact=True).click()
        page.get_by_text(f"now: {name}", exact=True).wait_for()
        prompts = shipped()[name]
        for box, side in zip(boxes, (prompts.normal, prompts.abnormal), strict=True):
            expect(box).to_have_value("\n".join(side))


def test_the_jobs_below_follow_what_runs_while_the_page_stays(app):
    page, server = app
    at_1mm = {**CHOICE, "data": "demo"}  # takes longer than the way to the next page
    page.goto(server.address("Explore", **at_1mm, method="mvfa", setup="brats"))
    page.locator(f"{VIEWER}[data-slice]").wait_for()
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_role("button", name="Jobs: ").click()  # a line that opens, and stays so
    jobs = sidebar.get_by_test_id("stProgress")
    jobs.first.wait_for()
    settled(page)
    page.get_by_role("link", name="Start").click()  # the choice comes along while a job is told of
    page.get_by_role("button", name="Show me a failure").wait_for()
    page.wait_for_function("new URL(location).searchParams.get('method') === 'mvfa'")
    jobs.filter(has_text="for MVFA").wait_for()
    page.evaluate("document.querySelector('[data-testid=stMain] h1').dataset.mark = 'seen'")
    before = jobs.first.inner_text()
    page.wait_for_function(
        """before => document.querySelector(
            '[data-testid=stSidebar] [data-testid=stProgress]')?.innerText !== before""",
        arg=before,
    )
    link = sidebar.get_by_role("link", name="for MVFA · brats: done")
    link.wait_for()
    assert page.locator("[data-mark=seen]").count() == 1
    link.click()
    whole_volume(page)
    assert "/Explore" in page.url
    assert address(page)["method"] == "mvfa"


def test_what_was_opened_below_a_job_stays_open_when_it_is_done(app):
    page, server = app
    at_1mm = {**CHOICE, "data": "demo"}  # takes a while
    page.goto(server.address("Explore", **at_1mm, method="mvfa", setup="pmc"))
    job = page.get_by_test_id("stMain").get_by_test_id("stProgress")
    job.wait_for()
    page.get_by_text("What has this number seen?").click()
    opened = page.get_by_text("Backbone pretrained on")
    opened.wait_for()
    assert job.count() == 1  # still
    whole_volume(page)
    settled(page)
    assert opened.is_visible()


def test_many_jobs_are_one_line_that_covers_no_control(app):
    page, server = app
    page.set_viewport_size({"width": 1024, "height": 768})
    others = [("compare", f"aprilgan · {other}") for other in ("t1c", "t1n", "t2w")]
    chosen = {**CHOICE, "data": "demo", "method": "aprilgan", "setup": "pmc"}  # 1 mm takes longer
    page.goto(f"{server.url}/Explore?{urlencode([*chosen.items(), *others])}")
    sidebar = page.get_by_test_id("stSidebar")
    line = sidebar.get_by_role("button", name=re.compile(r"Jobs: [3-9] running"))
    line.wait_for()
    assert line.bounding_box()["height"] < 48
    assert covered(sidebar) == []
    line.click()
    stop = sidebar.get_by_role("button", name="Stop all")
    stop.wait_for()
    assert sidebar.locator(".st-key-jobs").bounding_box()["height"] < 0.4 * 768
    assert covered(sidebar) == []
    assert sidebar.get_by_test_id("stProgress").count() >= 3
    stop.click()
    sidebar.get_by_role("button", name=re.compile(r"Jobs: \d ended")).wait_for()
    assert sidebar.get_by_test_id("stProgress").count() == 0


def covered(sidebar):
    """Labels of the sidebar's lists that something covers once they are scrolled into view."""
    return sidebar.get_by_role("combobox").evaluate_all(
        """lists => lists.filter((list) => {
          list.scrollIntoView({ block: 'center' });
          const { x, y, width, height } = list.getBoundingClientRect();
          const top = document.elementFromPoint(x + width / 2, y + height / 2);
          return !list.closest('[data-testid="stSelectbox"], [data-testid="stMultiSelect"]')
            ?.contains(top);
        }).map((list) => list.ariaLabel)"""
    )


def test_explore_compares_with_another_modality(app):
    page, server = app
    compared = "intensity · t1c"
    page.goto(server.address("Explore", **CHOICE, method="intensity", compare=compared))
    numbers = [
        page.locator(".z-cell", has_text=name).locator(".z-value")
        for name in ("3D Dice", "AUROC", "AP")
    ]
    for number in numbers:
        number.get_by_text("②").wait_for()
        first, second = number.inner_text().split(" · ")
        assert float(first.removeprefix("①")) != float(second.removeprefix("②"))
    assert address(page)["compare"] == compared
    page.get_by_role("button", name="clear").click()
    page.locator(".z-header").get_by_text("②").first.wait_for(state="detached")
    page.get_by_role("button", name="R on the left").click()
    page.get_by_role("link", name="Setup").click()
    page.locator(VIEWER).wait_for(state="detached")
    page.get_by_role("link", name="Explore").click()
    page.get_by_role("button", name="L on the left").wait_for()  # the look is kept


@pytest.mark.parametrize("path", ["", "Explore", "Prompts", "Depth", "Failures", "Setup"])
def test_every_page_opens_without_complaint(app, path):
    page, server = app
    page.goto(server.address(path, **CHOICE, method="intensity"))
    page.locator('[data-testid="stAppViewContainer"]').wait_for()
    settled(page)
    assert page.locator('[data-testid="stException"]').count() == 0
