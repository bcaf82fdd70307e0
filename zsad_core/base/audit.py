"""Who did what in an app that several use: a line of JSON each, in `audit.jsonl` of `ZSAD_HOME`.

At 10 MB the file is renamed to `audit.1.jsonl`, in place of an earlier one of that name.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from zsad_core.base.atomic import locked, on_disk
from zsad_core.base.paths import home
from zsad_core.errors import StorageError

Act = Literal["login", "upload", "deletion", "training", "evaluation", "export"]
LARGEST = 10 * 2**20  # bytes


def note(user: str, act: Act, what: str) -> None:
    """Append a line: time (UTC, ISO 8601), user, act, and what it was done to, in words.

    A disk that refuses it stops nobody; the log of the server has the line instead.
    """
    time = datetime.now(UTC).isoformat(timespec="seconds")
    line = json.dumps({"time": time, "user": user, "act": act, "what": what}, ensure_ascii=False)
    path = home() / "audit.jsonl"
    try:
        with locked(path), on_disk(path):
            if path.exists() and path.stat().st_size + len(line) > LARGEST:
                path.replace(path.with_name("audit.1.jsonl"))
            with path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
    except StorageError as error:
        logging.getLogger(__name__).warning("%s %s", error, line)
