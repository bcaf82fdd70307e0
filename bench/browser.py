"""Times in a real browser, if there is one."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.app_server import Server, chromium, no_browser, served
from bench.core import seconds
from bench.memory import peak_gb_of
from bench.report import Line
from zsad_core import setups

if TYPE_CHECKING:
    from playwright.sync_api import Page

SUBJECT = "DEMO-MET-014-000"
STARTS = 3


def measure() -> Iterator[Line]:
    """Cold start, first view of a new subject, slice step, threshold drag, the server's memory.

    The first line is for scale: on a busy machine all others grow with it.
    """
    yield Line("for scale: a new Python imports torch", _torch_import(), "s")
    if why := no_browser():
        yield Line("in the browser", why)
        return
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        starts = []
        for number in range(STARTS):
            cache, start = Path(folder) / str(number), time.perf_counter()
            with served(Path(f"{cache}.txt"), ZSAD_CACHE=str(cache)) as server:
                # A browser of its own each time, so that none has the scripts already.
                page = browser.new_page(viewport={"width": 1440, "height": 900})
                page.set_default_timeout(900_000)
                starts.append([moment - start for moment in _start(page, server)])
                if number + 1 == STARTS:
                    yield from _start_lines(starts)
                    yield from _visit(page, server)
                    yield from _gestures(page)
                    peak = peak_gb_of(server.process.pid)
                    if peak is not None:
                        yield Line("peak memory of the server", peak, "GB")
                page.close()


def _start(page: "Page", server: Server) -> Iterator[float]:
    """When the first words of the page appear, and when its last element does."""
    page.goto(server.url)
    page.get_by_text("See what CLIP calls abnormal").wait_for()
    yield time.perf_counter()
    page.get_by_role("button", name="Show me a failure").wait_for()
    yield time.perf_counter()


def _start_lines(starts: list[list[float]]) -> Iterator[Line]:
    first_words, complete = (statistics.median(moments) for moments in zip(*starts, strict=True))
    condition = f"of the first page, median of {STARTS}"
    yield Line(f"cold start to words and ways {condition}", first_words, "s")
    yield Line(f"cold start to all {condition}", complete, "s", 6)


def _torch_import() -> float:
    """Seconds, the median of three."""
    command = [sys.executable, "-c", "import torch"]
    return statistics.median(
        seconds(lambda: subprocess.run(command, check=True)) for _ in range(STARTS)
    )


def _visit(page: "Page", server: Server) -> Iterator[Line]:
    method, setup = "aprilgan", "brats"
    if setups.missing(setups.shipped()[method, setup]):
        yield Line(f"{method} · {setup} in the browser", "missing")
        method, setup = "winclip", "zero-shot"
    most = 15 if method == "aprilgan" else None
    start = time.perf_counter()
    choice = {"subject": SUBJECT, "setup": setup, "method": method, "rule": "fixed"}
    page.goto(server.address("Explore", **choice))
    title = page.locator(".z-title", has_text=SUBJECT)
    title.wait_for()
    yield Line(f"{method}: new subject to its slice shown", time.perf_counter() - start, "s", 8)
    page.get_by_test_id("stMetric").filter(has_text="3D Dice").wait_for()
    yield Line(
        f"{method}: new subject to the whole volume shown", time.perf_counter() - start, "s", most
    )


def _gestures(page: "Page") -> Iterator[Line]:
    yield Line("slice step, painted", _steps(page, ".z-slice", 40, 90), "ms", 50)
    yield Line("threshold drag, painted", _steps(page, ".z-threshold", 60, 110), "ms", 50)


def _steps(page: "Page", slider: str, first: int, last: int) -> float:
    """Median ms from setting a slider to the next painted frame."""
    return page.locator(slider).evaluate(
        """async (slider, [first, last]) => {
            const spent = [];
            for (let value = first; value < last; value++) {
                const start = performance.now();
                slider.value = value;
                slider.dispatchEvent(new Event("input", {bubbles: true}));
                await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
                spent.push(performance.now() - start);
            }
            return spent.sort((a, b) => a - b)[Math.floor(spent.length / 2)];
        }""",
        [first, last],
    )
