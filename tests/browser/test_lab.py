"""The prompt lab in a browser: a null test, a trial kept, texts that outlive a reload."""

import json

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
CHOICE = {"data": "demo-2mm:", "subject": "DEMO-MET-014-000", "rule": "fixed", "lab": "Null test"}
WINCLIP = {"method": "winclip", "setup": "zero-shot", "prompts": "minimal-pair"}
LONG = 480_000


def test_a_prompt_is_doubted_edited_and_found_again(app, user):
    page, server = app
    page.set_default_timeout(LONG)
    page.goto(server.address("Prompts", **CHOICE, **WINCLIP))
    page.get_by_role("button", name="Compare with 200 random pairs").click()
    page.get_by_text("random pairs, p = ").first.wait_for()
    page.locator(".js-plotly-plot .trace").first.wait_for()

    page.get_by_text("Edit", exact=True).first.click()
    abnormal = page.get_by_role("textbox", name="Abnormal texts, one per line")
    numbers = page.get_by_test_id("stDataFrame").get_by_text("mean 2D Dice").first
    numbers.wait_for(state="attached")
    abnormal.fill("a white cloud")
    abnormal.blur()
    page.get_by_text("now: minimal-pair (edited)").wait_for()
    page.wait_for_function("location.search.includes('a+white+cloud')")
    page.reload()
    page.get_by_text("now: minimal-pair (edited)").wait_for()
    expect(abnormal).to_have_value("a white cloud", timeout=20_000)

    abnormal.fill("a dark hole")
    page.reload()  # at once: it was not yet taken up
    page.get_by_text("now: minimal-pair (edited)").wait_for()
    page.wait_for_function("location.search.includes('a+dark+hole')")
    expect(abnormal).to_have_value("a dark hole", timeout=20_000)
    abnormal.fill("a white cloud")
    abnormal.blur()
    page.wait_for_function("location.search.includes('a+white+cloud')")

    page.goto(server.address("Prompts", **{**CHOICE, "lab": "History"}, **WINCLIP))
    page.get_by_test_id("stDataFrame").wait_for()
    page.get_by_text("minimal-pair (edited)").first.wait_for(state="attached")
    lines = (user / "history.jsonl").read_text().splitlines()
    kept = [json.loads(line)["trial"] for line in lines]
    tried = [one["prompts"]["abnormal"] for one in kept]
    assert tried[:2] == [["a bright spot"], ["a white cloud"]]
    assert tried[2:] in ([], [["a dark hole"]])  # its map may not have been shown

    row = len(kept)  # the oldest trial; the table is a canvas
    page.get_by_test_id("stDataFrame").first.click(position={"x": 14, "y": 18 + 35 * row})
    page.get_by_role("button", name="Restore").click()
    numbers.wait_for(state="attached")
    expect(abnormal).to_have_value("a bright spot", timeout=20_000)
