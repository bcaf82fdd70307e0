"""Progress of a command on stderr."""

import sys

from zsad_core.types import Progress


def show(done: int, total: int) -> None:
    """Print progress over the current line."""
    print(f"\r{done} of {total}    ", end="", file=sys.stderr, flush=True)


def shown_as(name: str) -> Progress:
    """Prints the progress of a named step, and ends the line with the step."""

    def show_named(done: int, total: int) -> None:
        ending = "\n" if done == total else ""
        print(f"\r{name}: {done} of {total}", end=ending, file=sys.stderr, flush=True)

    return show_named
