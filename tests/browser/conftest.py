"""A Streamlit server and a headless Chromium for the browser tests."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.25)
    raise RuntimeError(f"streamlit did not start:\n{log.read_text()}")


class Server:
    """A running app: `url` and the text it logged."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self._log = log

    @property
    def output(self) -> str:
        return self._log.read_text()


@pytest.fixture(scope="session")
def browser():
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("playwright is not installed")
    path = _chromium()
    if path is None:
        pytest.skip("no Chromium on the PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A fresh page at 1440x900; `page.complaints` collects console errors and exceptions."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: page.complaints.append(message.text) if message.type == "error" else None,
    )
    yield page
    context.close()


@pytest.fixture(scope="session")
def serve(browser, tmp_path_factory) -> Iterator[Callable[..., Server]]:
    """serve("tests/browser/viewer_app.py", NAME="value") starts an app once and returns it."""
    running: dict[tuple[object, ...], tuple[subprocess.Popen[bytes], Server]] = {}

    def start(script: str, **environment: str) -> Server:
        name = (script, *sorted(environment.items()))
        if name not in running:
            port = _free_port()
            log = tmp_path_factory.mktemp("streamlit") / "log.txt"
            command = [sys.executable, "-m", "streamlit", "run", script]
            command += ["--server.port", str(port), "--server.headless", "true"]
            command += ["--server.fileWatcherType", "none"]
            env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
            with log.open("wb") as stream:
                process = subprocess.Popen(
                    command, cwd=ROOT, env=env, stdout=stream, stderr=subprocess.STDOUT
                )
            server = Server(f"http://localhost:{port}", log)
            running[name] = (process, server)
            _wait_healthy(server.url, process, log)
        return running[name][1]

    yield start
    for process, _ in running.values():
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
