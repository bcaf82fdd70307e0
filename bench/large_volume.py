"""Scans of 240 x 240 x 155 and 512 x 512 x 400 with two maps in the browser: pictures, memory."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.app_server import chromium, no_browser, served
from bench.memory import peak_gb_of
from bench.report import Line

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRUB = """async () => {
    const slider = [...document.querySelectorAll("*")]
        .map(node => node.shadowRoot?.querySelector(".z-slice")).find(Boolean);
    const painted = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    const start = performance.now();
    for (let slice = 100; slice < 300; slice++) {
        slider.value = slice;
        slider.dispatchEvent(new Event("input", {bubbles: true}));
        await painted();
    }
    return (performance.now() - start) / 200;
}"""


def measure() -> Iterator[Line]:
    """First picture, whole volume, scrubbing in one plane and in three, memory of the page.

    Data are ready when the server holds them packed, so the first picture counts their transport.
    """
    if no_browser():
        return
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        log = Path(folder) / "log.txt"
        with served(log, "bench/large_app.py") as server:
            page, duration = _viewer_page(browser, f"{server.url}/?small")
            yield Line("240x240x155: data ready to first picture", duration, "s", 1)
            page.close()
            start = time.perf_counter()
            page, duration = _viewer_page(browser, server.url)
            yield Line("512x512x400: data ready to first picture", duration, "s", 1)
            _wait_for_volume(page)
            yield Line("512x512x400: page to the whole volume", time.perf_counter() - start, "s")
            yield Line(
                "512x512x400: a picture while scrubbing, two maps", page.evaluate(SCRUB), "ms", 33
            )
            page.get_by_role("button", name="3 planes").click()
            yield _scrub(page, "the same, three planes of both")
            yield Line("512x512x400: peak memory of the page", _peak_gb(browser), "GB", 1)


def _viewer_page(browser: "Browser", address: str) -> tuple["Page", float]:
    """A page that shows the viewer, and the seconds from the click to its first picture.

    A page before it makes the phantom and packs its slabs.
    """
    duration = 0.0
    for _ in range(2):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(900_000)
        page.goto(address)
        switch = page.get_by_text("Show", exact=True)
        switch.wait_for()
        start = time.perf_counter()
        switch.click()
        page.locator(".z-root[data-slice]").wait_for()
        page.locator(".z-message").wait_for(state="hidden")
        duration = time.perf_counter() - start
        _wait_for_volume(page)
    return page, duration


def _scrub(page: "Page", what: str) -> Line:
    return Line(f"512x512x400: {what}", page.evaluate(SCRUB), "ms", 33)


def _wait_for_volume(page: "Page") -> None:
    page.locator('.z-root[data-parts="whole"]').wait_for()


def _peak_gb(browser: "Browser") -> float | str:
    """Peak memory of the largest renderer process."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    renderers = (process["id"] for process in processes if process["type"] == "renderer")
    return max(
        (peak for process in renderers if (peak := peak_gb_of(process))), default="not known here"
    )
