"""The lock of a study: all that its numbers depend on, read from its rows."""

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb

from zsad_core.base.atomic import on_disk, write_whole
from zsad_core.base.store import key_of
from zsad_core.base.version import VERSION
from zsad_core.imaging.splits import registry
from zsad_core.study.design import Design

FILE = "study.lock.json"
PACKAGES = (
    *("torch", "open_clip_torch", "numpy", "scipy", "scikit-learn", "scikit-image", "nibabel"),
    *("pandas", "pyarrow", "duckdb", "surface-distance", "matplotlib", "plotly"),
)
Lock = dict[str, Any]

_MADE_WITH = (
    *("method", "setup", "checkpoint_digest", "weights_digest", "prompts", "prompts_digest"),
    *("precision_of_features", "device", "device_name", "batch", "version", "python", "numpy"),
    "torch",
)


def lock_of(design: Design, rows: duckdb.DuckDBPyConnection) -> Lock:
    """What the rows of a study were made of, and the versions that draw them; JSON values alone."""
    columns = ", ".join(_MADE_WITH)
    series = rows.execute(f"SELECT DISTINCT {columns} FROM subjects ORDER BY ALL").fetchall()
    scans = rows.execute(
        "SELECT DISTINCT subject, modality, scan_digest FROM subjects ORDER BY ALL"
    ).fetchall()
    keys = rows.execute("SELECT key FROM subjects ORDER BY key").fetchall()
    return {
        "study": design.study.digest,
        "data": design.data.place,
        "split": {"name": design.data.split, "digest": registry.digest(design.data)},
        "scans": [
            dict(zip(("subject", "modality", "sha256"), scan, strict=True)) for scan in scans
        ],
        "series": [dict(zip(_MADE_WITH, values, strict=True)) for values in series],
        "rows": {"count": len(keys), "digest": key_of("", keys=[key for (key,) in keys])},
        "drawn_with": {
            "zsad-explorer": VERSION,
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in PACKAGES},
        },
    }


def matches(lock: Lock, out: Path) -> bool:
    """Whether the lock in the folder is this one."""
    path = out / FILE
    return path.is_file() and path.read_text(encoding="utf-8") == _text(lock)


def remove(out: Path) -> None:
    """Remove the lock from the folder, before anything else there changes."""
    with on_disk(out / FILE):
        (out / FILE).unlink(missing_ok=True)


def write(lock: Lock, out: Path) -> None:
    """Write the lock, which says that all else in the folder is whole."""
    write_whole(out / FILE, _text(lock))


def _text(lock: Lock) -> str:
    return json.dumps(lock, indent=1, ensure_ascii=False) + "\n"
