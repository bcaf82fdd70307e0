"""A page that is left in the middle of an edit: choices stay, jobs of earlier texts end."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
CHOICE = {"data": "demo-2mm:", "subject": "DEMO-MET-014-000", "method": "aprilgan"}
BOX = "Abnormal texts, one per line"
LONG = 60_000  # ms


@pytest.fixture(scope="module")
def user(shared_home):
    return shared_home


@pytest.fixture
def edits(app):
    """The text box of the prompt lab, on a page that shows a map."""
    page, server = app
    page.goto(server.address("Prompts", **CHOICE, setup="brats", rule="validation"))
    page.get_by_text("now: aprilgan").wait_for()
    return box(page, BOX)


def box(page, label):
    """A text box in sight; the browser may keep one whose place it has taken until a run ends."""
    return page.get_by_role("textbox", name=label, exact=True)


def links(page):
    return page.get_by_test_id("stSidebar").get_by_role("link")


def there_and_back(page, leave=lambda link: link.click()):
    """From Prompts to Setup, and to Prompts again."""
    leave(links(page).filter(has_text="Setup"))
    page.wait_for_function("document.title.startsWith('Setup')")
    settled(page)
    links(page).filter(has_text="Prompts").click()
    page.wait_for_function("document.title.startsWith('Prompts')")


def settled(page):
    page.wait_for_timeout(500)  # messages that cross on their way
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator(".st-key-purpose").wait_for()


def test_a_page_change_in_the_middle_of_an_edit_undoes_no_choice(app, edits):
    """The browser may send the text after the page change, and has dropped its widgets by then."""
    page, _ = app
    edits.fill("a large hole")
    links(page).filter(has_text="Setup").click()
    settled(page)  # on Setup, or on Prompts where the text came last
    links(page).filter(has_text="Prompts").click()
    page.get_by_text("now: aprilgan (edited)").wait_for()
    expect(edits).to_have_value("a large hole")
    page.wait_for_timeout(1500)  # a job is looked at: all widgets are sent
    named = parse_qs(urlsplit(page.url).query)
    assert {name: named[name][0] for name in CHOICE} == CHOICE


def test_what_was_typed_is_there_again_where_its_message_never_left(app, edits):
    page, _ = app
    edits.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("a lost hole")
    there_and_back(page, lambda link: link.dispatch_event("click"))  # the box keeps its focus
    expect(edits).to_have_value("a lost hole", timeout=LONG)
    page.get_by_text("now: aprilgan (edited)").wait_for()
    edits.fill("a second hole")
    page.get_by_role("button", name="Swap sides").click()
    normal = box(page, "Normal texts, one per line")
    expect(normal).to_have_value("a second hole", timeout=LONG)
    there_and_back(page)
    expect(normal).to_have_value("a second hole", timeout=LONG)
    expect(edits).not_to_have_value("a second hole")


def choose_set(page, name):
    sets = page.locator('input[role="combobox"][aria-label="Prompts"]').first
    sets.click()
    sets.fill(name)
    page.get_by_role("option", name=name, exact=True).click()
    page.get_by_text(f"now: {name}", exact=True).wait_for()
    settled(page)


def test_what_was_told_is_told_once(app, edits):
    page, server = app
    usual = server.address("Prompts", **CHOICE, setup="brats", rule="validation", prompts="medical")
    for name in ("medical", "aprilgan", "medical"):  # again at once: its map is there
        choose_set(page, name)
    medical = edits.input_value()
    edits.fill("a told hole")
    edits.press("Control+Enter")
    page.get_by_text("now: medical (edited)").wait_for()
    settled(page)
    page.goto(usual)
    page.get_by_text("now: medical").wait_for()
    settled(page)
    expect(edits).to_have_value(medical)
    assert page.get_by_text("now: medical (edited)").count() == 0


def test_jobs_of_earlier_texts_end_on_a_page_that_has_none_of_them(app, edits):
    page, _ = app
    for number in range(7):
        edits.fill(f"a small hole {number}")
        edits.press("Control+Enter")
        page.wait_for_timeout(300)
    links(page).filter(has_text="Cohort").click()
    page.wait_for_function("document.title.startsWith('Cohort')")
    settled(page)
    page.get_by_role("button", name="Jobs:").click()
    of_edits = page.get_by_test_id("stProgress").filter(has_text="(edited)")
    end = time.monotonic() + 20  # each ends at its next step
    while (running := of_edits.filter(has_not_text="stopping").count()) > 1:
        assert time.monotonic() < end, running
        page.wait_for_timeout(200)
    # The last may have ended, or end now: then the button is disabled, and this does nothing.
    page.get_by_role("button", name="Stop all").click(force=True)
