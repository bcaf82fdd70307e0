"""The command line: `zsad`, or `python -m zsad_core`."""

import signal
import sys
from types import FrameType


def main() -> int:
    """Run one command. Stopped, also while it is still imported, it says so in a sentence."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        from zsad_core.cli.main import main as run  # takes seconds

        return run()
    except KeyboardInterrupt as stop:
        print("stopped; what was done is kept", file=sys.stderr)
        return 128 + (stop.args[0] if stop.args else signal.SIGINT)


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
