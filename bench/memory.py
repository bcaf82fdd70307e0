"""Peak memory of a process since it began to run its own program.

On Linux `ru_maxrss` is no less than that of the process which started it, so it is read elsewhere
only.
"""

import re
import resource
import sys
from pathlib import Path


def peak_gb() -> float:
    """Peak memory of this process so far."""
    peak = peak_gb_of("self")
    if peak is None:
        peak_rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = peak_rss / (2**30 if sys.platform == "darwin" else 2**20)  # bytes there, else KiB
    return peak


def peak_gb_of(process: int | str) -> float | None:
    """Peak memory so far of a process with that number; None if the system does not report it."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    match = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(match[1]) / 2**20 if match else None
