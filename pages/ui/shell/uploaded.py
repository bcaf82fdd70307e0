"""A user's own files: whose they are, and among which data they are chosen."""

from pages.ui.shell import compute, session, user
from zsad_core.base import settings
from zsad_core.imaging.datasets import uploaded
from zsad_core.imaging.uploads import folders
from zsad_core.types import DataSpec


def roots() -> dict[str, DataSpec]:
    """The data sets to choose from, by the name shown; this user's uploads among them."""
    own = folders.data_of(token())
    return settings.data_roots() | ({uploaded.TITLE: own} if own else {})


def token() -> str:
    """This user's, the same for all pages and tabs; with a session what others left is swept."""
    if not session.UPLOAD_TOKEN.exists():
        folders.sweep(compute.store())
        session.UPLOAD_TOKEN.set(folders.new_token(user.name()))
    return session.UPLOAD_TOKEN.get()
