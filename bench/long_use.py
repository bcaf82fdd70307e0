"""Memory of the server over an hour of use by one person: it has to level off."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bench.app_server import chromium, no_browser, served
from bench.memory import peak_gb_of
from bench.report import Line

if TYPE_CHECKING:
    from playwright.sync_api import Page

WARM, TURNS = 25, 200  # subjects looked at: until every cache is full, and all of them
REST_MS = 600  # a look at each


def measure() -> Iterator[Line]:
    """Peak memory over 200 subjects turned to by keys, against that of the first 25."""
    if why := no_browser():
        yield Line("in the browser", why)
        return
    home = Path(os.environ["ZSAD_HOME"])
    home.mkdir(parents=True)
    (home / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
    with (
        tempfile.TemporaryDirectory() as folder,
        chromium() as browser,
        served(Path(folder) / "log.txt") as server,
    ):
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(180_000)
        page.goto(server.address("Explore", data="demo-2mm:", method="intensity"))
        peaks = []
        for first, stop in ((0, WARM), (WARM, TURNS)):
            for number in range(first, stop):
                _turn(page, "j" if number // 30 % 2 else "k")
            peaks.append(peak_gb_of(server.process.pid))
        early, late = peaks
        if early is not None and late is not None:
            yield Line(f"peak memory of the server, {WARM} subjects looked at", early, "GB")
            grown = 1024 * (late - early)
            yield Line(f"growth until {TURNS} are looked at", grown, "MB", 300)


def _turn(page: "Page", key: str) -> None:
    """Turn to the next or previous subject, by the viewer's key, and wait until it is whole."""
    root = page.locator('.z-root[data-parts="whole"]')
    root.focus()
    before = page.url
    page.keyboard.press(key)
    page.wait_for_function("before => location.href !== before", arg=before)
    root.wait_for()
    page.wait_for_timeout(REST_MS)
