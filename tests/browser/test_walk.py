"""The whole way of a new user: from the start page to an exported deck of five failure cases."""

import io

from pptx import Presentation

CASES = 5


def test_from_the_start_page_to_a_deck_of_five_failure_cases(app):
    page, server = app
    page.goto(server.address("", data="demo-2mm:", method="intensity"))
    walk(page)


def walk(page):
    """Clicks alone: what is evaluated, pinned and exported is what the pages offer first."""
    side, main = page.get_by_test_id("stSidebar"), page.get_by_test_id("stMain")
    page.get_by_role("button", name="Show me a failure").wait_for()
    side.get_by_role("link", name="Failures").click()
    main.get_by_role("button", name="Evaluate").click()
    pin = main.get_by_role("button", name="Pin", exact=True)
    pin.nth(CASES - 1).wait_for()
    main.get_by_text("runs on demo-2mm").wait_for(state="detached")  # the evaluation is over
    for number in range(CASES):
        pin.first.click()
        main.get_by_role("button", name="Pinned").nth(number).wait_for()
    main.get_by_test_id("stButtonGroup").get_by_text("Pins", exact=True).click()
    main.get_by_text("Make a deck").click()
    main.get_by_role("button", name=f"Make the deck of {CASES} cases").click()
    slides, page_ = downloaded(page, "PowerPoint"), downloaded(page, "Web page")
    assert len(Presentation(io.BytesIO(slides)).slides) == CASES + 2
    assert page_.lower().startswith(b"<!doctype html>")


def downloaded(page, label):
    """The bytes of what a button gives."""
    button = page.get_by_test_id("stMain").get_by_role("button", name=label)
    button.wait_for()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    with page.expect_download() as waiting:
        button.click()
    return waiting.value.path().read_bytes()
