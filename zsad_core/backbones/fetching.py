"""Weights that open_clip fetches to where huggingface_hub keeps files; to look uses no network."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub  # most of it is imported where it is used
from huggingface_hub import constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from zsad_core.backbones.catalogue import catalogue_entry
from zsad_core.base.atomic import REFUSALS
from zsad_core.errors import Cancelled, StorageError, WeightsError
from zsad_core.types import BackboneSpec, Progress

HUB = "hf-hub:"
# As `open_clip.constants` names them.
HUB_CONFIG = "open_clip_config.json"
HUB_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
MB = 10**6


@dataclass(frozen=True)
class HubFiles:
    """A hub repository and the files needed of it; the first name that it has, of each."""

    repository: str
    weights: tuple[str, ...]
    config: tuple[str, ...] = ()


def hub_files(spec: BackboneSpec) -> HubFiles | None:
    """What open_clip fetches for a backbone; None for a backbone of files. Raises WeightsError."""
    if not spec.name.startswith(HUB) and (not spec.weights or spec.name.endswith(".json")):
        return None
    if spec.name.startswith(HUB):
        name = spec.name.removeprefix(HUB)
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", name) or ".." in name:
            raise WeightsError(f"'{spec.name}' is no hub id; give it as {HUB}owner/name.")
        return HubFiles(name, HUB_WEIGHTS, (HUB_CONFIG,))
    entry = catalogue_entry(spec.name)
    origin = entry.places.get(spec.weights, "") if entry else ""
    repository, _, file = origin.rpartition("/")
    if not repository:
        return None
    return HubFiles(repository, (f"{Path(file).stem}.safetensors", file) if file else HUB_WEIGHTS)


def config_file(spec: BackboneSpec) -> Path | None:
    """The model config of a hub id, if it is here."""
    files = hub_files(spec)
    return _cached(files.repository, files.config) if files else None


def weights_file(spec: BackboneSpec) -> Path | None:
    """The fetched weights, if they are here."""
    files = hub_files(spec)
    return _cached(files.repository, files.weights) if files else None


def unfetched(spec: BackboneSpec) -> str:
    """What is still to be fetched, where it was looked for and the command; "" if nothing."""
    files = hub_files(spec)
    if files is None or not (missing := _missing(files)):
        return ""
    tag = f" --weights {shlex.quote(spec.weights)}" if spec.weights else ""
    return (
        f"{missing[0][0]} of {files.repository} is not in {constants.HF_HUB_CACHE}; press Fetch on "
        f"the Setup page, or run: zsad fetch --backbone {shlex.quote(spec.name)}{tag}"
    )


def fetch(spec: BackboneSpec, progress: Progress | None = None) -> None:
    """Bring what is missing into the cache; raises WeightsError, StorageError.

    `progress` counts the MB of the file at hand; without it a bar is drawn on stderr.
    """
    files = hub_files(spec)
    if files is None:
        raise WeightsError(
            f"open_clip fetches nothing for '{spec.name}' with weights '{spec.weights}'; give one "
            "of its model names with a tag of it, or a hub id (hf-hub:owner/name)."
        )
    for names in _missing(files):
        _bring(files.repository, names, progress)


def _missing(files: HubFiles) -> list[tuple[str, ...]]:
    """The names of each file that is not here."""
    parts = (names for names in (files.config, files.weights) if names)
    return [names for names in parts if _cached(files.repository, names) is None]


def _cached(repository: str, names: tuple[str, ...]) -> Path | None:
    for name in names:
        path = huggingface_hub.try_to_load_from_cache(repository, name)
        if isinstance(path, str):
            return Path(path)
    return None


def _bring(repository: str, names: tuple[str, ...], progress: Progress | None) -> None:
    why = "it has no such file"
    for name in names:
        try:
            huggingface_hub.hf_hub_download(
                repository, name, tqdm_class=_bar(progress) if progress else None
            )
            return
        except Cancelled:
            raise
        except LocalEntryNotFoundError:
            why = "no connection"
            break
        except EntryNotFoundError:
            continue
        except RepositoryNotFoundError:
            why = "the hub has no such public model"
            break
        except Exception as error:
            if isinstance(error, OSError) and error.errno in REFUSALS:
                raise StorageError(
                    f"{names[0]} of {repository} cannot be kept in '{constants.HF_HUB_CACHE}' "
                    f"({error.strerror}); make room and allow it, or choose another folder by "
                    "HF_HOME."
                ) from error
            why = type(error).__name__
            break
    raise WeightsError(
        f"{names[0]} of {repository} could not be fetched ({why}); try again with a connection to "
        f"{constants.ENDPOINT}, or copy the folder models--{repository.replace('/', '--')} into "
        f"{constants.HF_HUB_CACHE} from a machine that has it."
    )


def _bar(progress: Progress) -> type:
    """A class with what huggingface_hub calls of tqdm; it draws nothing and reports MB."""

    class Bar:
        def __init__(
            self, *_: object, total: int | None = None, initial: int = 0, **__: object
        ) -> None:
            self.total, self.n = total, initial
            self.format_dict: dict[str, float] = {}

        def update(self, size: float = 1) -> None:
            self.n += int(size)
            progress(self.n // MB, (self.total or 0) // MB)

        def nothing(self, *_: object, **__: object) -> None:
            pass

        # With `update_transfer`, one bar counts the bytes of the file for every way of transfer.
        update_transfer = set_postfix_str = refresh = close = __exit__ = nothing

        def __enter__(self) -> "Bar":
            return self

    return Bar
