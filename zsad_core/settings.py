"""What a user chose once and wants to find again: data roots, kept as JSON in `ZSAD_HOME`."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zsad_core.errors import DataError
from zsad_core.places import home
from zsad_core.types import DataSpec


def data_roots() -> dict[str, DataSpec]:
    """Data sets to choose from, by the name shown: the demo, `ZSAD_DATA`, and remembered roots."""
    found = {"demo": DataSpec("demo")}
    chosen = os.environ.get("ZSAD_DATA")
    if chosen:
        spec = DataSpec("brats", str(Path(chosen).expanduser().resolve()))
        found[_name(spec)] = spec
    for item in _read().get("data", []):
        spec = DataSpec(**item)
        found[_name(spec)] = spec
    return found


def remember(spec: DataSpec) -> str:
    """Keep a data root; returns the name under which it is shown. Raises DataError."""
    root = Path(spec.root).expanduser()
    if not root.is_dir():
        raise DataError(f"There is no folder '{spec.root}'; give the folder that holds the scans.")
    spec = DataSpec(spec.kind, str(root.resolve()), spec.labels)
    kept = [DataSpec(**item) for item in _read().get("data", [])]
    kept = [item for item in kept if item.root != spec.root] + [spec]
    _write({"data": [asdict(item) for item in kept]})
    return _name(spec)


def forget(name: str) -> None:
    """Take a data root off the list; the folder itself is left alone."""
    kept = [DataSpec(**item) for item in _read().get("data", [])]
    _write({"data": [asdict(item) for item in kept if _name(item) != name]})


def prompt_folder() -> Path:
    """Where a user's own prompt sets lie."""
    return home() / "prompts"


def _name(spec: DataSpec) -> str:
    return f"{spec.kind}:{spec.root}"


def _path() -> Path:
    return home() / "settings.json"


def _read() -> dict[str, Any]:
    try:
        return json.loads(_path().read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise DataError(
            f"{_path()} is not valid JSON ({error}); correct it or delete it to start afresh."
        ) from error


def _write(changes: dict[str, Any]) -> None:
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({**_read(), **changes}, indent=1))
    temporary.replace(path)
