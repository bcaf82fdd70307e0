"""Times in a real browser; says so where there is none."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

Row = tuple[str, str, str]


def measure(root: Path, subject: str) -> Iterator[Row]:
    """(what, value, aim) of cold start, slice step and threshold drag."""
    chromium = next((p for n in ("chromium", "google-chrome") if (p := shutil.which(n))), None)
    if chromium is None:
        yield "in the browser", "no Chromium", "not measured"
        return
    from playwright.sync_api import sync_playwright

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = running.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(300_000)
        start = time.perf_counter()
        server = subprocess.Popen(
            [*command, "--server.port", str(port)],
            cwd=root,
            env=os.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield from _visit(page, f"http://localhost:{port}", subject, start)
        finally:
            server.terminate()
            server.wait()
            running.close()


def _visit(page: object, url: str, subject: str, start: float) -> Iterator[Row]:
    _healthy(url)
    page.goto(url)
    page.get_by_role("heading", name="ZSAD Explorer").wait_for()
    page.get_by_text("Open", exact=False).first.wait_for()
    yield "cold start to the first page", f"{time.perf_counter() - start:.1f} s", "<= 6 s"
    start = time.perf_counter()
    page.goto(f"{url}/Explore?subject={subject}&method=aprilgan&setup=brats&rule=fixed")
    page.locator(".z-root[data-dice]").wait_for()
    yield (
        "new subject: made, slice encoded, shown",
        f"{time.perf_counter() - start:.1f} s",
        "<= 8 s",
    )
    page.get_by_text("3D Dice").first.wait_for()
    yield "the same, whole volume", f"{time.perf_counter() - start:.1f} s", "<= 15 s"
    yield "slice step, painted", f"{_steps(page, '.z-slice', 40, 90):.0f} ms", "<= 50 ms"
    yield "threshold drag, painted", f"{_steps(page, '.z-threshold', 60, 110):.0f} ms", "<= 50 ms"


def _steps(page: object, slider: str, first: int, last: int) -> float:
    """Median ms from setting a slider to the next painted frame."""
    return page.evaluate(
        """async ([name, first, last]) => {
            const slider = document.querySelector(name), spent = [];
            for (let value = first; value < last; value++) {
                const start = performance.now();
                slider.value = value;
                slider.dispatchEvent(new Event("input", {bubbles: true}));
                await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
                spent.push(performance.now() - start);
            }
            return spent.sort((a, b) => a - b)[Math.floor(spent.length / 2)];
        }""",
        [slider, first, last],
    )


def _healthy(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the app did not start")
