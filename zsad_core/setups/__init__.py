"""Setups, shipped and own ones: what is there, what fits, and what a checkpoint holds."""

import functools
import itertools
from dataclasses import replace
from pathlib import Path

from safetensors import SafetensorError, safe_open

from zsad_core import backbones, methods
from zsad_core.base import paths, settings
from zsad_core.base.digests import file_digest
from zsad_core.errors import SettingError, WeightsError
from zsad_core.imaging.predictions import registry
from zsad_core.imaging.predictions.sets import Predictions
from zsad_core.methods import checkpoints
from zsad_core.methods.setup import Setup
from zsad_core.setups import published
from zsad_core.types import BackboneSpec, DataSpec, FloatArray, Learned

__all__ = ["Setup"]

CHECKPOINTS = Path(__file__).parents[1] / "training" / "checkpoints"


def shipped() -> dict[tuple[str, str], Setup]:
    """The setups that the methods come with, by method and name."""
    shipped_setups = (entry for kind in methods.METHODS.values() for entry in kind.setups)
    return {(entry.method, entry.setup): entry for entry in shipped_setups}


def entries(home: Path | None = None) -> dict[tuple[str, str], Setup]:
    """Shipped setups, those of all users, and those in the user's own `home`, without unreadable.

    None of them replaces a shipped one; of one name that of the user's own home is taken. Raises
    DataError.
    """
    by_name = shipped()
    added = {**kept(), **(kept(home) if home else {})}
    by_name |= {key: entry for key, entry in added.items() if key not in by_name}
    files = itertools.chain.from_iterable(registry.all_sets().values())
    return {**by_name, **{(entry.method, entry.setup): entry for entry in map(_of_files, files)}}


def kept(home: Path | None = None) -> dict[tuple[str, str], Setup]:
    """The setups that were added to a home, by default to that of all users; raises DataError."""
    own = str(home) if home and home != paths.home() else ""
    rows = (replace(row, home=own) for row in settings.rows("setups", Setup, home))
    return {(entry.method, entry.setup): entry for entry in rows}


def of_method(method: str, home: Path | None = None) -> list[Setup]:
    """The setups of one method."""
    return [entry for entry in entries(home).values() if entry.method == method]


def find(method: str, setup: str, home: Path | None = None) -> Setup:
    """The setup of that name; raises SettingError."""
    entry = entries(home).get((method, setup))
    if entry is None:
        raise SettingError(f"There is no setup '{setup}' of method '{method}'; choose another.")
    return entry


def available(
    method: str, data: DataSpec | None = None, home: Path | None = None
) -> tuple[Setup, ...]:
    """Setups of a method whose files are all there and fit each other, and the data where given."""
    every = of_method(method, home)
    return tuple(entry for entry in every if not missing(entry) and fits(entry, data))


def methods_for(data: DataSpec) -> list[str]:
    """Names of the methods to choose from: predictions made elsewhere where the data have some."""
    return [*methods.METHODS, *([methods.FILES] if registry.sets_of(data) else [])]


def fits(entry: Setup, data: DataSpec | None) -> bool:
    """Whether a setup is of these data: predictions made elsewhere are of one data set alone."""
    if data is None or entry.method != methods.FILES:
        return True
    return any(predictions.name == entry.setup for predictions in registry.sets_of(data))


def _of_files(predictions: Predictions) -> Setup:
    maker, trained = predictions.provenance or "not stated", predictions.trained_on or "not stated"
    text = f"Files made elsewhere. Made by: {maker}. Trained on: {trained}."
    return Setup(methods.FILES, predictions.name, BackboneSpec(), "", text)


def missing(entry: Setup) -> str:
    """What lacks or does not fit, where it was looked for and what to do; "" if nothing."""
    try:
        check(entry)
        tower = methods.kind_of(entry.method).needs_tower
        return backbones.unfetched(entry.backbone) if tower else ""
    except (WeightsError, SettingError) as error:
        return str(error)


def check(entry: Setup) -> None:
    """Raise WeightsError or SettingError for what is missing or does not fit.

    What open_clip has yet to fetch is no error here: `backbones.unfetched` tells it.
    """
    method, tensors = methods.build(entry.method, entry.options), learned(entry)
    if not method.needs_tower or not backbones.known(entry.backbone):
        return
    about = backbones.info(entry.backbone)
    method.recipe(about)
    if tensors is None:
        return
    try:
        method.checkpoint(tensors, about)
    except WeightsError as error:
        raise WeightsError(
            f"The checkpoint '{entry.checkpoint}' does not fit the backbone '{about.name}': "
            f"{error}; choose the checkpoint trained on this backbone."
        ) from error


def learned(entry: Setup) -> Learned:
    """Tensors of the setup's checkpoint under official names; None where nothing is learned."""
    if not entry.checkpoint:
        return None
    path = checkpoint_file(entry)
    return _read(entry.method, path, file_digest(path))


def digest(entry: Setup) -> str:
    """SHA-256 of the checkpoint's bytes; "" where nothing is learned. Raises WeightsError."""
    return file_digest(checkpoint_file(entry)) if entry.checkpoint else ""


def record(entry: Setup) -> dict[str, str]:
    """What a checkpoint trained here says of itself; nothing for others. Raises WeightsError."""
    trained_here = entry.checkpoint.endswith(".safetensors")
    return record_of(checkpoint_file(entry)) if trained_here else {}


def record_of(path: Path) -> dict[str, str]:
    """The same of a file; raises WeightsError."""
    return _record(path, file_digest(path)) if path.suffix == ".safetensors" else {}


def checkpoint_file(entry: Setup) -> Path:
    """The path of a setup's checkpoint; raises WeightsError where no file is there."""
    key, official = (entry.method, entry.setup), published.files()
    path = (published.folder() if key in official else CHECKPOINTS) / entry.checkpoint
    if path.is_file():
        return path
    if key in official:
        raise WeightsError(published.what_to_do(official[key]))
    if key in shipped():
        raise WeightsError(
            f"{entry.checkpoint} is not in {CHECKPOINTS}; get it with the project, or train it: "
            f"zsad train --method {entry.method} --setup {entry.setup}."
        )
    raise _absent(path)


def read_checkpoint(method: str, path: Path) -> dict[str, FloatArray]:
    """What a method uses of a file: safetensors, or the official checkpoint.

    Raises WeightsError for a file that is missing, not of plain tensors, or of something else.
    """
    if not path.is_file():
        raise _absent(path)
    chosen = methods.build(method)
    tensors = checkpoints.read(path, chosen.official)
    try:
        return chosen.checkpoint(tensors, None)
    except WeightsError as error:
        raise WeightsError(f"'{path}' is no checkpoint of {chosen.title}: {error}.") from error


def _absent(path: Path) -> WeightsError:
    return WeightsError(f"There is no checkpoint '{path}'; check the path.")


@functools.lru_cache(16)
def _read(method: str, path: Path, digest: str) -> dict[str, FloatArray]:
    return read_checkpoint(method, path)


@functools.lru_cache(64)
def _record(path: Path, digest: str) -> dict[str, str]:
    try:
        with safe_open(path, "np") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"'{path}' cannot be read ({error}); get it again.") from error
