"""`zsad app`: the app in the browser, as `streamlit run app.py` in a checkout."""

import argparse
import os
import subprocess
import sys

from zsad_core.base.paths import app_script


def options(parser: argparse.ArgumentParser) -> None:
    """None of its own: whatever `streamlit run` takes is handed on as `more`."""
    parser.epilog = "Takes the options of streamlit run, such as --server.port 8600."
    parser.set_defaults(takes_more=True)


def run(parsed: argparse.Namespace) -> int:
    """Serve the app until it is stopped, where possible as this very process; its exit code."""
    command = [sys.executable, "-m", "streamlit", "run", str(app_script()), *parsed.more]
    if sys.platform != "win32":
        os.execv(sys.executable, command)
    try:
        return subprocess.run(command).returncode
    except KeyboardInterrupt:  # Streamlit was sent it too, and has ended
        return 0
