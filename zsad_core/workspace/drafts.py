"""Prompt texts as they were typed, kept in a `home` so that no reload or crash loses them.

One file a prompt set, owner and tab, whole or not at all; of each set the newest few of an owner
are kept.
"""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from zsad_core.base import paths
from zsad_core.base.atomic import write_whole

MOST = 20  # drafts of one set and owner


@dataclass(frozen=True)
class Draft:
    """The editor's fields by key, when they were typed, and who typed them; "" is not known."""

    texts: dict[str, str]
    time: datetime
    owner: str = ""


def keep(
    prompts: str, tab: str, texts: dict[str, str], owner: str = "", home: Path | None = None
) -> None:
    """Keep what stands in the editor of a tab for a prompt set, in place of its last draft."""
    folder = _folder(prompts, home)
    path = folder / f"{'-'.join(filter(None, (owner, tab)))}.json"
    write_whole(path, json.dumps(texts, ensure_ascii=False))
    for old in [path for path in _files(folder) if _owner(path) == owner][MOST:]:
        old.unlink(missing_ok=True)


def newest(
    prompts: str, besides: str = "", owner: str = "", home: Path | None = None
) -> Draft | None:
    """The newest draft of a prompt set, an owner's own before all others, not that of a tab."""
    for path in sorted(_files(_folder(prompts, home)), key=lambda path: _owner(path) != owner):
        if path.stem.rpartition("-")[2] == besides:
            continue
        try:
            texts = json.loads(path.read_text("utf-8"))
            time = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, ValueError):
            continue  # another session removed it, or a disk spoiled it
        if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
            return Draft(texts, time, _owner(path))
    return None


def _files(folder: Path) -> list[Path]:
    """Drafts of a set, the newest first."""
    times = {}
    for path in folder.glob("*.json"):
        with contextlib.suppress(FileNotFoundError):  # another session removed it
            times[path] = path.stat().st_mtime_ns
    return sorted(times, key=lambda path: (times[path], path), reverse=True)


def _owner(path: Path) -> str:
    return path.stem.rpartition("-")[0]


def _folder(prompts: str, home: Path | None) -> Path:
    return (home or paths.home()) / "drafts" / hashlib.sha256(prompts.encode()).hexdigest()[:16]
