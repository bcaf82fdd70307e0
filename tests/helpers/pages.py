"""Pages of the app in process, as one opens them."""

import hashlib
import json
import re
import time
from pathlib import Path
from urllib.parse import parse_qs

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
WAIT = 120  # seconds
PAGES = {
    "Start": "app.py",
    "Explore": "pages/1_Explore.py",
    "Prompts": "pages/2_Prompts.py",
    "Depth": "pages/3_Depth.py",
    "Cohort": "pages/4_Cohort.py",
    "Failures": "pages/5_Failures.py",
    "Setup": "pages/6_Setup.py",
}
DATA = "demo-2mm:"
SUBJECT = "DEMO-MET-013-000"


def at(path, **choices):
    """A page with these choices made, not yet run."""
    test = AppTest.from_file(ROOT / "app.py", default_timeout=WAIT)
    test.switch_page(path)
    for key, value in choices.items():
        test.session_state[key] = value
    return test


def shown(test):
    """The page after a run, which raised nothing."""
    test.run()
    assert not test.exception, test.exception[0].stack_trace
    return test


def end_jobs(board):
    """Cancel all jobs of a board, wait for them, and forget them."""
    deadline = time.monotonic() + WAIT
    while board.running() and time.monotonic() < deadline:
        for job in board.running().values():
            job.cancel()
        time.sleep(0.05)
    board._jobs.clear()


def opened(page, **choices):
    """The page of this title after a run, on a subject of the 2 mm demo unless told otherwise."""
    return shown(at(PAGES[page], **{"data": DATA, "subject": SUBJECT, "rule": "fixed", **choices}))


def widget(kind, choice):
    """Of a page's widgets of a kind, such as `test.selectbox`, the one that makes this choice.

    Raises ValueError where it is not drawn.
    """
    (found,) = [one for one in kind if re.fullmatch(rf"{re.escape(choice)}-\d+", one.key or "")]
    return found


def mark_of(name):
    """What marks the things of a user whose browser has this name (`user` in the session)."""
    return hashlib.sha256(f"user {name}".encode()).hexdigest()[:32]


def download_labels(test):
    """The words on the page's download buttons."""
    assert not test.exception, test.exception[0].stack_trace
    return [button.proto.label for button in test.get("download_button")]


def address(test):
    """What the address of a page names: lists of words, as the browser is sent them last."""
    sent = json.loads(test.get("bidi_component")[-1].proto.json)
    return parse_qs(sent["address"], keep_blank_values=True)
