"""A Streamlit server and a headless Chromium for the browser tests."""

import json
from contextlib import ExitStack

import pytest

from bench.app_server import chromium, complaints_of, no_browser, served

LONG = 180_000  # ms


@pytest.fixture(scope="session")
def browser():
    if why := no_browser():
        pytest.skip(why)
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser):
    """A fresh page at 1440x900; `page.complaints` collects console errors and exceptions."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.complaints = complaints_of(page)
    yield page
    context.close()


@pytest.fixture(scope="session")
def serve(browser, tmp_path_factory):
    """serve("tests/browser/viewer_app.py", NAME="value") starts an app once and returns it."""
    running = {}
    with ExitStack() as stack:

        def start(script, **environment):
            name = (script, *sorted(environment.items()))
            if name not in running:
                log = tmp_path_factory.mktemp("streamlit") / "log.txt"
                running[name] = stack.enter_context(served(log, script, **environment))
            return running[name]

        yield start


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """The home of a user who added the 2 mm cohort and did nothing else."""
    home = tmp_path_factory.mktemp("user")
    (home / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
    return home


@pytest.fixture
def app(page, serve, user):
    """A page and the app that this user runs; at the end neither may have complained."""
    server = serve("app.py", ZSAD_HOME=str(user))
    page.set_default_timeout(LONG)
    yield page, server
    assert page.complaints == []
    assert server.complaints() == []
