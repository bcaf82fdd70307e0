"""From a pin in Explore over a restart of the app to cases presented with keys."""

import json
import re

import numpy as np
import pytest

from tests.helpers.pins import view
from zsad_core.workspace import pins

CHOICE = {"data": "demo-2mm:", "rule": "fixed", "method": "intensity"}
FIRST = {
    "subject": "DEMO-MET-014-000",
    "threshold": "0.5882353",
    "brain": "false",
    "smallest": "15",
}
SECOND = {"subject": "DEMO-MET-013-000"}
VIEWER = ".z-root"
LONG = 180_000
BURST = """() => [1, 2, 3, 4, 5].forEach(
    () => window.dispatchEvent(new KeyboardEvent("keydown", { key: "PageDown" })))"""
SMALL = 10_000  # bytes of a message that Streamlit sends each time


@pytest.fixture
def user(tmp_path, monkeypatch):
    """The home of a user who added the 2 mm cohort, for the app and for what the test pins."""
    (tmp_path / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
    monkeypatch.setenv("ZSAD_HOME", str(tmp_path))
    return tmp_path


def pin(page, server, where, index, title):
    """Pin a slice in Explore."""
    subject = where["subject"]
    page.goto(server.address("Explore", **CHOICE, **where))
    page.get_by_test_id("stMetric").first.wait_for()
    page.locator(".z-slice").fill(str(index))
    page.wait_for_function(f"new URL(location).searchParams.get('slice') === '{index + 1}'")
    page.get_by_role("button", name="Pin this view").click()
    page.get_by_text(f"Slice {index + 1} of {subject}").wait_for()
    page.get_by_label("Title").fill(title)
    page.get_by_label("Note").fill("Why <i>this</i> fails")
    page.get_by_role("button", name="Pin", exact=True).click()
    page.get_by_text(f"Pinned: {title}").wait_for()


def size(page, name):
    return float(page.locator(name).first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)"))


def test_pins_survive_a_restart_and_are_presented_by_keys(page, serve, user):
    page.set_default_timeout(LONG)
    first = serve("app.py", ZSAD_HOME=str(user))
    pin(page, first, FIRST, 30, "First <b>case</b>")
    pin(page, first, SECOND, 41, "Second case")
    assert first.complaints() == []

    server = serve("app.py", ZSAD_HOME=str(user), AGAIN="1")
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(server.address("Failures", failures="Pins"))
    page.get_by_test_id("stImage").nth(1).wait_for()
    page.get_by_role("button", name="Present", exact=True).first.click()
    page.locator(f'{VIEWER}[data-case="1"][data-slice="30"][data-parts="whole"]').wait_for()
    assert page.evaluate("Boolean(document.fullscreenElement)")
    dice = page.locator(VIEWER).get_attribute("data-volume-dice")
    assert page.locator(".z-case-title").inner_text() == "First <b>case</b>"
    assert page.locator(".z-case-note").inner_text() == "Why <i>this</i> fails"
    assert "Intensity" in page.locator(".z-case-line").inner_text()
    assert "not a medical device" in page.locator(".z-case-foot").inner_text()
    assert page.locator(".z-case-badge").inner_text() == "synthetic"
    for name in (".z-case-title", ".z-case-line", ".z-value"):
        assert size(page, name) >= 28
    for hidden in (".z-threshold", ".z-toolbar", ".z-layers"):
        assert not page.locator(hidden).first.is_visible()
    for hidden in ("stSidebar", "stHeader"):
        assert not page.get_by_test_id(hidden).is_visible()

    page.keyboard.press("ArrowUp")
    page.locator(f'{VIEWER}[data-slice="31"]').wait_for()
    page.locator(".z-canvas").hover()
    page.mouse.wheel(0, 100)
    page.locator(f'{VIEWER}[data-slice="30"]').wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()  # the next case is brought
    for key, case, index in (
        ("PageDown", 2, 41),
        ("ArrowLeft", 1, 30),
        ("Space", 2, 41),
        ("Home", 1, 30),
        ("End", 2, 41),
        ("PageUp", 1, 30),
        ("ArrowRight", 2, 41),
    ):
        page.keyboard.press(key)
        page.locator(f'{VIEWER}[data-case="{case}"][data-slice="{index}"]').wait_for()
        page.wait_for_function(f"new URL(location).searchParams.get('case') === '{case}'")
    for name, case in (("the case before", 1), ("the next case", 2)):
        page.get_by_title(name).click()
        page.wait_for_function(f"new URL(location).searchParams.get('case') === '{case}'")
        page.locator(".z-case-count").get_by_text(f"{case} / 2").wait_for()

    address = page.url
    page.keyboard.press("Escape")
    page.locator(VIEWER).wait_for(state="detached")
    assert not page.evaluate("Boolean(document.fullscreenElement)")
    page.wait_for_function("!new URL(location).searchParams.has('case')")
    page.get_by_test_id("stSidebar").wait_for()
    page.goto(address)
    page.locator(f'{VIEWER}[data-case="2"][data-slice="41"]').wait_for()

    page.goto(server.address("Failures", failures="Pins"))
    page.get_by_role("button", name="Explore").first.click()
    threshold = float(np.float32(FIRST["threshold"]))
    as_pinned = f'[data-slice="30"][data-threshold="{threshold}"][data-volume-dice="{dice}"]'
    page.locator(VIEWER + as_pinned).wait_for()
    page.wait_for_function("new URL(location).searchParams.get('slice') === '31'")
    page.reload()
    page.locator(VIEWER + as_pinned).wait_for()
    assert page.complaints == []
    assert server.complaints() == []


def test_a_case_shown_before_comes_back_by_its_number_without_its_bytes(page, serve, user):
    """However many runs lie between; a run that refers to what is gone breaks the page."""
    page.set_default_timeout(LONG)
    received, sent = [], []

    def hear(socket):
        socket.on("framereceived", lambda frame: received.append(frame))
        socket.on("framesent", lambda frame: sent.append(frame))

    page.on("websocket", hear)
    for number in range(13, 19):
        pins.add(pins.pin_of(view(f"DEMO-MET-{number:03d}-000"), f"Case {number}"))
    server = serve("app.py", ZSAD_HOME=str(user))
    page.goto(server.address("Failures", case="1"))
    shown = VIEWER + '[data-case="{}"][data-parts="whole"]'
    page.locator(shown.format(1)).wait_for()
    for number in range(2, 7):
        page.keyboard.press("PageDown")
        page.locator(shown.format(number)).wait_for()
        page.locator('[data-test-script-state="notRunning"]').wait_for()
    received.clear()
    page.keyboard.type("01")
    page.get_by_text("01_ / 6").wait_for()
    page.keyboard.press("Enter")
    page.locator(shown.format(1)).wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()
    assert max(map(len, received)) < SMALL

    sent.clear()
    page.evaluate(BURST)
    page.locator(shown.format(6)).wait_for()
    asked = set(re.findall(rb'"event":"go","value":(\d)', b"".join(sent)))
    # The first may still be on its way as the last is asked for; one passed by would be packed.
    assert {b"6"} <= asked <= {b"2", b"6"}
    assert page.complaints == []
    assert server.complaints() == []
