"""The app in a process of its own and a headless Chromium, for bench and browser tests."""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ROUTINE = re.compile(
    r"\s*|.* Uvicorn server started on \S+|\s*(\w+ )?URL: \S+"
    r"|\s*You can now view your Streamlit app in your browser\."
    # Streamlit's own, at level INFO: a run of the whole script forgets the fragments it did not
    # draw, and the browser's timer (`run_every`) of one goes on until it hears of that. The late
    # call is dropped (`AppSession.request_rerun`), so nothing is lost; only no timer avoids it.
    r"|.* The fragment with id \w+ does not exist anymore - it might have been removed .*"
)
PROBE = re.compile(r"//[^/]+/\w+/_stcore/(health|host-config)$")


@dataclass(frozen=True)
class Server:
    """A running app: its address, its process, and the file it logs to."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def address(self, page: str, **choice: str) -> str:
        """The address of a page with that choice."""
        return f"{self.url}/{page}" + (f"?{urlencode(choice)}" if choice else "")

    @property
    def output(self) -> str:
        """Everything logged so far."""
        return self.log.read_text()

    def complaints(self) -> list[str]:
        """Logged lines other than routine ones."""
        return [line for line in self.output.splitlines() if not ROUTINE.fullmatch(line)]


def served(log: Path, script: str = "app.py", **environment: str) -> AbstractContextManager[Server]:
    """Serve a script of the project on a free port, until the block ends."""
    command = [sys.executable, "-m", "streamlit", "run", script]
    return serving(log, command, ROOT, PYTHONPATH=str(ROOT), **environment)


@contextmanager
def serving(
    log: Path, command: Sequence[str], folder: Path, **environment: str
) -> Iterator[Server]:
    """Serve by a command that takes Streamlit's options, run in a folder, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("--server.port", str(port), "--server.headless", "true")
    env = {**os.environ, **environment}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, *options], cwd=folder, env=env, stdout=stream, stderr=subprocess.STDOUT
        )
    base = environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
    server = Server(f"http://localhost:{port}/{base}".rstrip("/"), process, log)
    try:
        _wait_until_healthy(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def no_browser() -> str:
    """The reason why no browser can be used; "" if one can."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    return "" if _chromium() else f"no Chromium on the PATH ({', '.join(NAMES)})"


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A headless Chromium; ask `no_browser` first."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=_chromium(), args=list(FLAGS))
        yield running
        running.close()


def complaints_of(page: "Page") -> list[str]:
    """A list that collects the page's console errors and exceptions from now on.

    On a page's own address Streamlit looks for its server below that address first: no complaint.
    """
    complaints: list[str] = []

    def listen(message: "ConsoleMessage") -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not PROBE.search(url):
            complaints.append(f"{message.text} {url}")

    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", listen)
    return complaints


def _chromium() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _wait_until_healthy(server: Server) -> None:
    for _ in range(1200):
        if server.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{server.url}/_stcore/health", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"streamlit did not start:\n{server.output}")
