"""`make screenshots`: every page as a new user sees it, in two sizes; fails on any complaint.

The pictures of 1440 x 900 are kept, one a page, as the README shows them; `--all` keeps every one.
"""

import argparse
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from bench.app_server import ROOT, Server, chromium, complaints_of, no_browser, served
from zsad_core import setups
from zsad_core.base.paths import home

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = ((1440, 900), (1920, 1080))
LARGEST = 500_000  # bytes of a picture
DRAWN = 30_000  # ms from settled to drawn
PATIENCE = 900_000  # ms; a new user's first validation threshold encodes four subjects
# Nothing runs on the page, in the sidebar, or in the background; asked for three times in a row.
SETTLED = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    const busy = ["stProgress", "stSpinner", "stSkeleton"].map(n => `[data-testid="${n}"]`).join();
    const still = app?.dataset.testScriptState === "notRunning" && !app.querySelector(busy);
    window.settledFor = still ? (window.settledFor ?? 0) + 1 : 0;
    return window.settledFor >= 3;
}"""
BOXES = '[data-testid="stException"], [data-testid="stAlertContentError"]'
METRIC = '[data-testid="stMetric"]:has-text("3D Dice")'
CHART, TABLE = ".js-plotly-plot .trace", '[data-testid="stDataFrame"]'
BUTTON = '[data-testid="stMain"] [data-testid="stButton"]'


@dataclass(frozen=True)
class Shot:
    """A page: its name, its path, the marks that must appear on it, and the choice to press."""

    name: str
    path: str
    marks: tuple[str, ...]
    choice: str = ""
    shown: bool = True


SHOTS = (
    Shot("start", "", ('[data-testid="stMetric"]',)),
    Shot("explore", "Explore", (".z-root[data-slice]", METRIC)),
    Shot("prompts", "Prompts", ('[data-testid="stImage"]',)),
    Shot("prompts-search", "Prompts", ('[data-testid="stMultiSelect"]',), "Search", shown=False),
    Shot("prompts-null", "Prompts", ('[data-testid="stMultiSelect"]',), "Null test", shown=False),
    Shot("prompts-history", "Prompts", (TABLE,), "History", shown=False),
    Shot("prompts-why", "Prompts", (CHART,), "Why", shown=False),
    Shot("depth", "Depth", (CHART,)),
    Shot("depth-all", "Depth", (BUTTON,), "all evaluated subjects", shown=False),
    Shot("cohort", "Cohort", ('[data-testid="stMultiSelect"]',), shown=False),
    Shot("failures", "Failures", ('[data-testid="stAlert"]',), shown=False),
    Shot("setup", "Setup", (TABLE,)),
    Shot("setup-weights", "Setup", (TABLE,), "Weights", shown=False),
    Shot("setup-train", "Setup", ('[data-testid="stForm"]',), "Train", shown=False),
    Shot("setup-device", "Setup", ('[data-testid="stMetric"]',), "Device and cache", shown=False),
    Shot("setup-ahead", "Setup", ('[data-testid="stMultiSelect"]',), "Pre-encode", shown=False),
)
OF_RESULTS = (
    Shot("cohort", "Cohort", (CHART,), "Figures"),
    Shot("cohort-tables", "Cohort", (TABLE,), "Tables", shown=False),
    Shot("failures", "Failures", ('[data-testid="stImage"]',)),
)
"""In place of those pages without an evaluation."""


def address(server: Server, shot: Shot) -> str:
    """The page with a CLIP method: APRIL-GAN if its files exist, else WinCLIP."""
    if not shot.path:
        return server.url
    available = not setups.missing(setups.shipped()["aprilgan", "brats"])
    method, setup = ("aprilgan", "brats") if available else ("winclip", "zero-shot")
    return server.address(shot.path, method=method, setup=setup)


def settle(page: "Page", marks: tuple[str, ...] = ()) -> None:
    """Wait until nothing runs and the marks or an error appear."""
    page.evaluate("window.settledFor = 0")
    page.wait_for_function(SETTLED, polling=500)
    for mark in marks:
        page.locator(f"{mark}, {BOXES}").first.wait_for(timeout=DRAWN)


def look(
    browser: "Browser", server: Server, size: tuple[int, int], shots: Sequence[Shot] = SHOTS
) -> Iterator[tuple[Shot, bytes]]:
    """A picture of each page in one size; raises RuntimeError for errors on page or log."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    for shot in shots:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        complaints = complaints_of(page)
        page.goto(address(server, shot))
        settle(page)
        if shot.choice:
            page.get_by_text(shot.choice, exact=True).first.click()
        settle(page, shot.marks)
        complaints += page.locator(BOXES).all_inner_texts() + server.complaints()
        picture = page.screenshot()
        page.close()
        if complaints:
            raise RuntimeError(f"{shot.name} at {size[0]}x{size[1]}: " + "\n".join(complaints))
        yield shot, picture
    context.close()


def small(picture: bytes) -> bytes:
    """The picture, with a palette if it would be too large."""
    if len(picture) <= LARGEST:
        return picture
    image, out = Image.open(io.BytesIO(picture)).convert("RGB"), io.BytesIO()
    image.quantize(256).save(out, "PNG", optimize=True)
    return out.getvalue()


def _as_new_user(folder: Path) -> None:
    """Start as a new user: without earlier choices, and with folders named as in the docs."""
    os.environ["HOME"] = str(folder)
    for name in ("ZSAD_HOME", "ZSAD_DATA", "XDG_DATA_HOME"):
        os.environ.pop(name, None)


def main() -> None:
    """Take pictures of every page in every size and write those of the README."""
    parser = argparse.ArgumentParser(prog="python -m bench.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="folder of the pictures")
    parser.add_argument("--cache", default="", help="a cache to keep (default: a fresh one)")
    parser.add_argument("--results", type=Path, help="rows of an evaluation of the demo to show")
    parser.add_argument("--only", nargs="*", help="names of the pages to look at (default: all)")
    parser.add_argument("--all", action="store_true", help="keep the pictures of every size")
    options = parser.parse_args()
    if why := no_browser():
        sys.exit(why)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        _as_new_user(Path(folder))
        shots: Sequence[Shot] = SHOTS
        if options.results:
            shutil.copytree(options.results, home() / "results")
            paths = {shot.path for shot in OF_RESULTS}
            shots = (*(shot for shot in SHOTS if shot.path not in paths), *OF_RESULTS)
        shots = [shot for shot in shots if not options.only or shot.name in options.only]
        os.environ["ZSAD_CACHE"] = options.cache or str(Path(folder) / "cache")
        options.out.mkdir(parents=True, exist_ok=True)
        with served(Path(folder) / "log.txt") as server:
            for size in SIZES:
                for shot, picture in look(browser, server, size, shots):
                    print(f"{shot.name} at {size[0]}x{size[1]}", flush=True)
                    if options.all or (shot.shown and size == SIZES[0]):
                        ending = "" if size == SIZES[0] else f"-{size[0]}"
                        (options.out / f"{shot.name}{ending}.png").write_bytes(small(picture))


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
