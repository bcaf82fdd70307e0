"""Prompt texts as they were typed, kept in `ZSAD_HOME` so that no reload or crash loses them.

One file a prompt set and session, whole or not at all; of each set the newest few are kept.
"""

import contextlib
import hashlib
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from zsad_core.base.atomic import write_whole
from zsad_core.base.paths import home

MOST = 20  # drafts of one set


@dataclass(frozen=True)
class Draft:
    """The editor's fields by key, and when they were typed."""

    texts: dict[str, str]
    time: datetime


def keep(prompts: str, session: str, texts: dict[str, str]) -> None:
    """Keep what stands in the editor of a session for a prompt set, in place of its last draft."""
    write_whole(_folder(prompts) / f"{session}.json", json.dumps(texts, ensure_ascii=False))
    for old in _files(prompts)[MOST:]:
        old.unlink(missing_ok=True)


def newest(prompts: str, besides: str = "") -> Draft | None:
    """The newest draft of a prompt set, but not that of the session `besides`."""
    for path in _files(prompts):
        if path.stem == besides:
            continue
        try:
            texts = json.loads(path.read_text("utf-8"))
            time = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, ValueError):
            continue  # another session removed it, or a disk spoiled it
        if isinstance(texts, dict) and all(isinstance(text, str) for text in texts.values()):
            return Draft(texts, time)
    return None


def new_name() -> str:
    """A name for a session, used by no other."""
    return uuid.uuid4().hex


def _files(prompts: str) -> list[Path]:
    """Drafts of a set, the newest first."""
    found = []
    for path in _folder(prompts).glob("*.json"):
        with contextlib.suppress(FileNotFoundError):  # another session removed it
            found.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(found, reverse=True)]


def _folder(prompts: str) -> Path:
    return home() / "drafts" / hashlib.sha256(prompts.encode()).hexdigest()[:16]
