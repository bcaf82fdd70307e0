"""What was asked of the trainings that ended here, by the digest of their checkpoints."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pydantic

from zsad_core.base.atomic import write_whole
from zsad_core.base.digests import file_digest
from zsad_core.base.paths import home, typed
from zsad_core.errors import DataError
from zsad_core.imaging.datasets import DEMOS
from zsad_core.training.runs import TrainRequest
from zsad_core.types import BackboneSpec

T = TypeVar("T")
REQUEST = pydantic.TypeAdapter(TrainRequest)


def keep(request: TrainRequest, own: Path | None = None) -> None:
    """Keep the request of the checkpoint that it wrote, its paths absolute.

    A checkpoint's own record names files without their folders. Raises StorageError, and
    SettingError as `with_whole_paths`.
    """
    content = REQUEST.dump_json(with_whole_paths(request, own), indent=1)
    write_whole(_file(file_digest(request.out)), content)


def with_whole_paths(request: TrainRequest, own: Path | None = None) -> TrainRequest:
    """The request with the paths of what it reads absolute; `own` is the home of its user.

    Raises SettingError for one that may not be opened here, whether it exists or not.
    """
    source, spec = request.source, request.backbone

    def whole(text: str) -> str:
        return str(typed(text, own)) if text else ""

    if source.data and source.data not in DEMOS:
        source = replace(source, data=whole(source.data))
    if spec.name.endswith(".json"):
        spec = BackboneSpec(whole(spec.name), whole(spec.weights))
    return replace(request, source=source, backbone=spec, start=whole(request.start))


def request_of(digest: str) -> TrainRequest | None:
    """What was asked of the training of a checkpoint, by its SHA-256; None where none was here.

    Raises DataError where it cannot be read.
    """
    path = _file(digest)
    return read(REQUEST, path) if path.is_file() else None


def read(adapter: pydantic.TypeAdapter[T], path: Path) -> T:
    """What a file holds; raises DataError where it cannot be read."""
    try:
        return adapter.validate_json(path.read_bytes())
    except ValueError as error:
        raise DataError(f"'{path}' cannot be read ({error}); delete it.") from error


def _file(digest: str) -> Path:
    return home() / "trainings" / f"{digest}.json"
