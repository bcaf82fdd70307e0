"""A user's own setups: a method on a backbone and a checkpoint of the user's choice.

They lie in the home of all users, or in a home of the user's own, from which they are published.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from zsad_core import backbones, methods, setups
from zsad_core.base import paths, settings
from zsad_core.base.atomic import whole
from zsad_core.base.paths import typed
from zsad_core.errors import SettingError
from zsad_core.setups import Setup
from zsad_core.types import BackboneSpec

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}"


def add(entry: Setup, home: Path | None = None) -> Setup:
    """Check a setup and keep it in a home; returns it with whole paths. Raises ZsadError.

    Local weights are loaded once, to see that they fit. A backbone may still be to be fetched. In
    the home of all users it replaces none that another user published.
    """
    check_names(entry)
    entry = _whole(entry, home)
    setups.check(entry)
    if entry.backbone.name.endswith(".json"):
        backbones.load(entry.backbone, "cpu", "float32")
    _keep(entry, home)
    return entry


def publish(method: str, setup: str, home: Path, owner: str) -> None:
    """Copy a setup of a user's home to all users, with its checkpoint if that was trained there.

    Raises SettingError where there is none, or another user published one of that name.
    """
    entry = setups.kept(home).get((method, setup))
    if entry is None:
        raise SettingError(f"There is no '{method} · {setup}' of yours; look at the list again.")
    check_owner(method, setup, owner)
    trained = Path(entry.checkpoint)
    if trained.is_relative_to(home):
        copy = paths.home() / trained.relative_to(home)
        with whole(copy) as unfinished:
            shutil.copyfile(trained, unfinished)
        entry = replace(entry, checkpoint=str(copy))
    _keep(replace(entry, owner=owner))


def check_owner(method: str, setup: str, user: str, home: Path | None = None) -> None:
    """Raise SettingError for a setup in a home that another user published."""
    entry = setups.kept(home).get((method, setup))
    if entry is not None and entry.owner not in ("", user):
        raise SettingError(
            f"'{method} · {setup}' is another user's setup; give yours another name."
        )


def options_of(text: str) -> tuple[tuple[str, str], ...]:
    """NAME=VALUE fields of a method, apart by spaces, as pairs; raises SettingError.

    >>> options_of("taps=4 image_size=518")
    (('taps', '4'), ('image_size', '518'))
    """
    words = text.split()
    for word in words:
        if not all(word.partition("=")):
            raise SettingError(f"The option '{word}' is not NAME=VALUE; write it like hsf=no.")
    return tuple((name, value) for name, _, value in (word.partition("=") for word in words))


def forget(method: str, setup: str, home: Path | None = None, user: str = "") -> None:
    """Take a setup off the list of a home; its files are left alone.

    Raises SettingError for one that another user published.
    """
    check_owner(method, setup, user, home)
    settings.change("setups", None, _others(method, setup), home)


def _keep(entry: Setup, home: Path | None = None) -> None:
    row = {name: value for name, value in asdict(entry).items() if name != "home"}
    settings.change("setups", row, _others(entry.method, entry.setup), home)


def _others(method: str, setup: str) -> Callable[[dict[str, object]], bool]:
    return lambda row: _key(row) != (method, setup)


def _key(row: dict[str, object]) -> tuple[object, object]:
    return row.get("method"), row.get("setup")


def check_names(entry: Setup) -> None:
    """Raise SettingError for a name that cannot be used, and for a checkpoint too few or many."""
    method, name = methods.build(entry.method), f"{entry.method} · {entry.setup}"
    if not method.needs_tower:
        raise SettingError(f"'{entry.method}' uses no backbone, so it needs no setup of your own.")
    if not re.fullmatch(NAME, entry.setup):
        raise SettingError(
            f"The setup name '{entry.setup}' cannot be used; give up to 40 letters, digits, dots, "
            "dashes or underscores, such as my-clip."
        )
    if (entry.method, entry.setup) in setups.shipped():
        raise SettingError(f"'{name}' is a shipped setup and stays as it is; give another name.")
    if method.learned and not entry.checkpoint:
        raise SettingError(
            f"'{entry.method}' needs a checkpoint and none was given; give its .safetensors or "
            "official .pth file."
        )
    if entry.checkpoint and not method.learned:
        raise SettingError(
            f"'{entry.method}' learns nothing, so leave out the checkpoint '{entry.checkpoint}'."
        )


def _whole(entry: Setup, home: Path | None) -> Setup:
    """With absolute paths, so that the setup is found from any working folder."""
    name, weights = entry.backbone.name, entry.backbone.weights
    if name.endswith(".json"):
        weights = str(typed(weights)) if weights else ""
        name = str(typed(name))
    own = str(typed(entry.checkpoint, home)) if entry.checkpoint else ""
    shipped = setups.CHECKPOINTS / Path(entry.checkpoint).name
    known = entry.checkpoint == shipped.name and shipped.is_file()
    checkpoint = str(shipped) if known else own
    return replace(entry, backbone=BackboneSpec(name, weights), checkpoint=checkpoint)
