"""Texts edited beside the picture: every later click finds the page, and the name says it."""

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
CHOICE = {"data": "demo-2mm:", "subject": "DEMO-MET-013-000", "method": "winclip", "rule": "fixed"}
ABNORMAL = "Abnormal texts, one per line"
READY_MS = 180_000  # the cohort may not be made yet


def test_the_page_goes_on_after_an_edit_in_the_sidebar(app, user):
    page, server = app
    page.set_default_timeout(READY_MS)
    page.goto(server.address("Explore", **CHOICE, prompts="appearance"))
    main = page.get_by_test_id("stMain")
    name = main.locator('input[aria-label="Prompts"]').first
    expect(name).to_have_value("Prompts: appearance", timeout=READY_MS)
    page.get_by_text("Edit prompts", exact=True).click()
    box = page.get_by_label(ABNORMAL, exact=True)
    before = box.input_value()
    for texts, words in (
        ("a dark hole", "Prompts (edited): appearance"),
        (before, "Prompts: appearance"),
    ):
        box.fill(texts)
        box.press("Control+Enter")
        expect(name).to_have_value(words, timeout=READY_MS)
        for label, subject in ((">", "DEMO-MET-014-000"), ("<", "DEMO-MET-013-000")):
            main.get_by_role("button", name=label, exact=True).click()
            page.wait_for_function("name => location.search.includes(name)", arg=subject)
            expect(name).to_have_value(words, timeout=READY_MS)
        assert page.get_by_test_id("stException").count() == 0
    assert page.complaints == server.complaints() == []
