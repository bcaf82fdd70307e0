"""Trainings that a user starts in the app; each ends as one of the user's own setups.

The request is kept until then, so that a training goes on after the app was closed.
"""

from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pydantic

from zsad_core.base import paths
from zsad_core.base.atomic import write_whole
from zsad_core.base.jobs import NotedProgress, Turn
from zsad_core.methods import configuration_name
from zsad_core.setups import Setup
from zsad_core.setups import user as own_setups
from zsad_core.training import request_files, runs
from zsad_core.training.runs import TrainRequest

REQUEST = ".asked.json"


@dataclass(frozen=True)
class OwnTraining:
    """What to train, and under what name the result is to be found."""

    name: str
    request: TrainRequest

    @property
    def title(self) -> str:
        """As a user reads it."""
        return configuration_name(self.request.method, self.name)


TRAINING = pydantic.TypeAdapter(OwnTraining)


def folder(home: Path | None = None) -> Path:
    """Where what was trained here lies: with all else in a home, by default that of all users."""
    return (home or paths.home()) / "trained"


def begin(name: str, request: TrainRequest, home: Path | None = None) -> OwnTraining:
    """Check a training and keep its request; its checkpoint goes to `folder`. Raises ZsadError."""
    out = folder(home) / f"{request.method}-{name}.safetensors"
    own = OwnTraining(name, replace(request_files.with_whole_paths(request, home), out=out))
    own_setups.check_names(_setup(own))
    runs.epochs_done(own.request)  # what it needs is there
    write_whole(_request_file(own), TRAINING.dump_json(own, indent=1))
    return own


def pending(home: Path | None = None) -> list[OwnTraining]:
    """Trainings in a home that were begun and have not ended, by name; raises DataError."""
    begun = sorted(folder(home).glob(f"*{REQUEST}"))
    return [request_files.read(TRAINING, path) for path in begun]


def run(
    own: OwnTraining,
    progress: NotedProgress,
    turn: Turn = nullcontext,
    home: Path | None = None,
) -> Setup:
    """Train, or go on, and add the setup to the home; raises ZsadError, Cancelled.

    Each batch and each step takes a `turn` on the device.
    """
    progress(0, 1, "loading the backbone")
    request = request_files.with_whole_paths(own.request, home)
    fitted = runs.run(
        request,
        lambda done, total: progress(done, total, "reading images"),
        lambda done, total, loss, _: progress(done, total, f"loss {loss:.3f}"),
        turn,
    )
    progress(
        1, 1, f"epoch {fitted.epoch} kept: Dice {fitted.validation_dice:.3f} on held-out images"
    )
    request_files.keep(request, home)
    entry = own_setups.add(_setup(own), home)
    discard(own)
    return entry


def discard(own: OwnTraining) -> None:
    """Forget a training that is to go on no more, and what is kept of it."""
    _request_file(own).unlink(missing_ok=True)
    runs.finish(own.request)


def _request_file(own: OwnTraining) -> Path:
    return own.request.out.with_suffix(REQUEST)


def _setup(own: OwnTraining) -> Setup:
    entry = runs.entry_of(own.request)
    provenance = f"Trained here: {runs.command(own.request)}"
    return replace(entry, setup=own.name, checkpoint=str(own.request.out), provenance=provenance)
