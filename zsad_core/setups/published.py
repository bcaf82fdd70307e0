"""Checkpoints that authors published: where a user puts the file, and whether it is that one."""

import functools
import hashlib
from pathlib import Path

from zsad_core.base.paths import home
from zsad_core.methods import METHODS
from zsad_core.methods.setup import Published


def files() -> dict[tuple[str, str], Published]:
    """All published files, by method and setup."""
    published = (file for kind in METHODS.values() for file in kind.published)
    return {(file.method, file.setup): file for file in published}


def folder() -> Path:
    """Where published files are looked for; it need not be there."""
    return home() / "checkpoints"


def what_to_do(published: Published) -> str:
    """How to get a file that is not there."""
    name, path = published.file.partition("/")[2], folder() / published.file
    return f"Get {name} from {published.origin} and put it at {path}."


def compared(published: Published) -> str:
    """What the digest of the file that is there says; "" where there is none."""
    path = folder() / published.file
    if not path.is_file():
        return ""
    blob = git_blob(path)
    if not published.blob:
        return f"git blob {blob[:12]}; the published file's is not known"
    if blob.startswith(published.blob):
        return f"git blob {blob[:12]}, the published file"
    return f"git blob {blob[:12]}, not the published file's {published.blob[:12]}"


def git_blob(path: Path) -> str:
    """The id that `git hash-object` gives a file: SHA-1 of a header with its size, then its bytes.

    Of a file in git's large-file storage the repository holds another, that of its pointer.
    """
    head = f"blob {path.stat().st_size}\0".encode()
    with path.open("rb") as stream:
        begin = functools.partial(hashlib.sha1, head, usedforsecurity=False)
        return hashlib.file_digest(stream, begin).hexdigest()
