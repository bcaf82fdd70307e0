"""Sums in one order, for AdaCLIP: its prompts are rounded to float16, so that last bits decide."""

import os
import subprocess
import sys
from pathlib import Path

from zsad_core import backbones

PROJECT = Path(__file__).parents[2]
INTEL = "Intel" in backbones.device_name("cpu")


def one_order_here(node: str) -> bool:
    """Whether MKL sums in one order in this process; else the test has passed in one where it does.

    On processors other than Intel's it does where it was told to ahead of its first use.
    """
    if INTEL or os.environ.get("MKL_CBWR") == "COMPATIBLE":
        return True
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", node],
        cwd=PROJECT,
        env={**os.environ, "MKL_CBWR": "COMPATIBLE"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    return False
