"""What a user chose once and wants to find again, kept as JSON in `ZSAD_HOME`: data, setups."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filelock

from zsad_core.base.atomic import whole
from zsad_core.base.paths import home
from zsad_core.errors import DataError
from zsad_core.types import DataSpec


def data_roots() -> dict[str, DataSpec]:
    """Data sets to choose from, by the name shown: the demo, `ZSAD_DATA`, and remembered roots."""
    found = {"demo": DataSpec("demo")}
    chosen = _chosen()
    if chosen is not None:
        found[_name(chosen)] = chosen
    for item in _read().get("data", []):
        spec = DataSpec(**item)
        found[_name(spec)] = spec
    return found


def default_root() -> str:
    """The data set to begin with, by the name shown: `ZSAD_DATA` where it is set."""
    chosen = _chosen()
    return _name(chosen) if chosen is not None else "demo"


def remember(spec: DataSpec) -> str:
    """Keep a data root; returns the name under which it is shown. Raises DataError."""
    spec = resolved(spec)
    kept = [DataSpec(**item) for item in _read().get("data", [])]
    kept = [item for item in kept if item.root != spec.root] + [spec]
    _write({"data": [asdict(item) for item in kept]})
    return _name(spec)


def resolved(spec: DataSpec) -> DataSpec:
    """The data of a folder by its whole path; raises DataError where there is none."""
    if not spec.root:
        raise DataError("No folder was named; give the folder that holds the scans.")
    root = Path(spec.root).expanduser()
    if root.is_file():
        raise DataError(f"'{spec.root}' is a file; give the folder that holds the scans.")
    if not root.is_dir():
        raise DataError(f"There is no folder '{spec.root}'; give the folder that holds the scans.")
    return DataSpec(spec.kind, str(root.resolve()), spec.labels)


def forget(name: str) -> None:
    """Take a data root off the list; the folder itself is left alone."""
    kept = [DataSpec(**item) for item in _read().get("data", [])]
    _write({"data": [asdict(item) for item in kept if _name(item) != name]})


def own_setups() -> list[dict[str, Any]]:
    """The user's own setups as they were kept; `setups.entries` makes values of them."""
    return list(_read().get("setups", []))


def keep_setups(rows: list[dict[str, Any]]) -> None:
    """Replace the user's own setups."""
    _write({"setups": rows})


def prompt_folder() -> Path:
    """Where a user's own prompt sets lie."""
    return home() / "prompts"


def path() -> Path:
    """Where all this is kept."""
    return home() / "settings.json"


def _chosen() -> DataSpec | None:
    root = os.environ.get("ZSAD_DATA")
    return DataSpec("brats", str(Path(root).expanduser().resolve())) if root else None


def _name(spec: DataSpec) -> str:
    return f"{spec.kind}:{spec.root}"


def _read() -> dict[str, Any]:
    try:
        return json.loads(path().read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataError(
            f"{path()} is not valid JSON ({error}); correct it or delete it to start afresh."
        ) from error


def _write(changes: dict[str, Any]) -> None:
    """One writer at a time; what is there is kept but for the changes."""
    path().parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{path()}.lock"), whole(path()) as temporary:
        temporary.write_text(json.dumps({**_read(), **changes}, indent=1))
