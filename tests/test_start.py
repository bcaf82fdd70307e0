"""What a new process imports before it shows its first page, and what later."""

import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bench.app_server import served

ROOT = Path(__file__).resolve().parents[1]
PAGE = """
from streamlit.testing.v1 import AppTest
from pages.ui.shell import compute
compute.get_ready = lambda *_: None  # it begins once the page is drawn
compute.job_result = compute.make_rest_of_demo = lambda *_: None  # as do the page's jobs
page = AppTest.from_file("app.py", default_timeout=120).run()
assert not page.exception and page.button, "the page is not drawn"
"""


def imported(work, *names):
    """Which of the modules a new process has after the work."""
    script = f"{work}\nimport sys\nprint(*[name for name in {names} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT
    )
    return done.stdout.split()


def test_the_frame_stands_before_the_core_is_imported():
    assert imported("import pages.ui.shell.frame", "torch", "scipy", "pandas", "nibabel") == []


def test_the_first_page_waits_for_no_library_that_it_does_not_need():
    late = ("torch", "pandas", "matplotlib", "nilearn", "sklearn", "streamlit.emojis")
    assert imported(PAGE, "open_clip", *late) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "there"), [("", []), ("import zsad_core.backbones.loading", ["open_clip"])]
)
def test_open_clip_is_imported_once_a_tower_is_needed(work, there):
    assert imported(f"from zsad_core import backbones\n{work}", "open_clip") == there


def test_what_explore_draws_with_needs_neither_tables_nor_plots_of_print():
    work = "from pages.ui.explore import compare, slice_view, volume_numbers"
    late = ("torch", "pandas", "matplotlib", "pyarrow", "duckdb", "open_clip")
    assert imported(work, *late) == []


@pytest.mark.slow
def test_what_waits_for_torch_gets_it_and_its_scan():
    work = """
from pages.ui.shell import compute
from zsad_core.types import DataSpec, SliceSpec
scan = SliceSpec(DataSpec("demo-2mm"), "DEMO-MET-014-000")
compute.wait_for_torch(scan)
[reading] = [one for one in compute.threading.enumerate() if one.name == "scan"] or [None]
if reading:
    reading.join()
assert compute.engine().has_stack(scan)
"""
    assert imported(work, "torch", "open_clip") == ["torch"]


def test_the_server_answers_no_page_that_calls_it_by_another_name(tmp_path):
    handshake = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "streamlit",
    }
    with served(tmp_path / "log.txt") as server:
        port, answers = urlsplit(server.url).port, {}
        for host in ("localhost", "127.0.0.1", "evil.example"):
            name = f"{host}:{port}"
            connection = HTTPConnection("localhost", port, timeout=30)
            headers = {**handshake, "Host": name, "Origin": f"http://{name}"}
            connection.request("GET", "/_stcore/stream", headers=headers)
            answers[host] = connection.getresponse().status
            connection.close()
    assert answers == {"localhost": 101, "127.0.0.1": 101, "evil.example": 403}
