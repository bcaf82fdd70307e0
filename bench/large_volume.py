"""A scan of 512 x 512 x 400 with two maps in the browser: pictures while scrubbing, memory."""

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.app_server import chromium, no_browser, served
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
    """First picture, whole volume, scrubbing in one plane and in three, memory of the page."""
    if no_browser():
        return
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        log = Path(folder) / "log.txt"
        with served(log, "bench/large_app.py") as server:
            warm = browser.new_page()  # makes the phantom and packs its slabs
            warm.set_default_timeout(900_000)
            warm.goto(server.url)
            _whole(warm)
            warm.close()
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(900_000)
            start = time.perf_counter()
            page.goto(server.url)
            page.locator(".z-root[data-slice]").wait_for()
            page.locator(".z-message").wait_for(state="hidden")
            yield Line("512x512x400: page to first picture", time.perf_counter() - start, "s")
            _whole(page)
            yield Line("512x512x400: page to the whole volume", time.perf_counter() - start, "s")
            yield Line(
                "512x512x400: a picture while scrubbing, two maps", page.evaluate(SCRUB), "ms", 33
            )
            page.get_by_role("button", name="3 planes").click()
            yield _scrub(page, "the same, three planes of both")
            yield Line("512x512x400: peak memory of the page", _peak_gb(browser), "GB", 1)


def _scrub(page: "Page", what: str) -> Line:
    return Line(f"512x512x400: {what}", page.evaluate(SCRUB), "ms", 33)


def _whole(page: "Page") -> None:
    page.locator('.z-root[data-parts="whole"]').wait_for()


def _peak_gb(browser: "Browser") -> float:
    """Peak memory of the largest renderer process."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    found = [0.0]
    for process in processes:
        if process["type"] == "renderer":
            status = Path(f"/proc/{process['id']}/status").read_text()
            found += [int(kb) / 2**20 for kb in re.findall(r"VmHWM:\s*(\d+) kB", status)]
    return max(found)
