"""Checkpoints that authors published: where a user puts the file, and whether it is that one."""

import hashlib
from pathlib import Path

from zsad_core.base.paths import home
from zsad_core.methods import METHODS
from zsad_core.methods.setup import Published


def files() -> dict[tuple[str, str], Published]:
    """All published files, by method and setup."""
    every = (one for kind in METHODS.values() for one in kind.published)
    return {(one.method, one.setup): one for one in every}


def folder() -> Path:
    """Where published files are looked for; it need not be there."""
    return home() / "checkpoints"


def what_to_do(one: Published) -> str:
    """How to get a file that is not there."""
    return (
        f"Get {one.file.partition('/')[2]} from {one.origin} and put it at {folder() / one.file}."
    )


def compared(one: Published) -> str:
    """What the digest of the file that is there says; "" where there is none."""
    path = folder() / one.file
    if not path.is_file():
        return ""
    found = git_blob(path)
    if not one.blob:
        return f"git blob {found[:12]}; the published file's is not known"
    if found.startswith(one.blob):
        return f"git blob {found[:12]}, the published file"
    return f"git blob {found[:12]}, not the published file's {one.blob[:12]}"


def git_blob(path: Path) -> str:
    """The id that `git hash-object` gives a file: SHA-1 of a header with its size, then its bytes.

    Of a file in git's large-file storage the repository holds another, that of its pointer.
    """
    size = path.stat().st_size
    found = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            found.update(chunk)
    return found.hexdigest()
