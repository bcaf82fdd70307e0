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
def new_page(browser):
    """new_page() opens a page at 1440x900 in a browser of its own, as another user.

    `page.complaints` collects its console errors and exceptions.
    """
    with ExitStack() as stack:

        def opened():
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            stack.callback(context.close)
            page = context.new_page()
            page.complaints = complaints_of(page)
            return page

        yield opened


@pytest.fixture
def page(new_page):
    """A fresh page."""
    return new_page()


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
        for server in running.values():
            server.process.terminate()  # all at once; some first end what they compute


def fresh_home(tmp_path_factory):
    """The home of a user who added the 2 mm cohort and did nothing else."""
    home = tmp_path_factory.mktemp("user")
    (home / "settings.json").write_text(json.dumps({"data": [{"kind": "demo-2mm"}]}))
    return home


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory):
    """One home, and so one server, for the modules whose tests leave nothing there."""
    return fresh_home(tmp_path_factory)


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """A home for the tests of a module."""
    return fresh_home(tmp_path_factory)


@pytest.fixture
def app(page, serve, user):
    """A page and the app that this user runs; at the end neither may have complained."""
    server = serve("app.py", ZSAD_HOME=str(user))
    page.set_default_timeout(LONG)
    yield page, server
    assert page.complaints == []
    assert server.complaints() == []
