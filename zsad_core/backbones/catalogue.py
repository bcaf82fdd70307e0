"""open_clip's list of models, cached on disk, as importing open_clip takes seconds."""

import functools
import json
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zsad_core.base.paths import cache_root, cached

# The backbones of the shipped setups in one release of open_clip, so that a new user's first page
# does not wait for its import; with another release they are looked up.
SHIPPED = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True)
class CatalogueEntry:
    """A model's config in open_clip's format, and the hub location of its weights by tag.

    A location is owner/name/ or owner/name/file, or "" for weights that are not on the hub.
    """

    config: dict[str, Any]
    places: dict[str, str]


def catalogue_entry(name: str) -> CatalogueEntry | None:
    """open_clip's entry for a model name, if there is one."""
    return _cached_entry(name, cache_root())


@functools.lru_cache(256)
def _cached_entry(name: str, _cache: Path) -> CatalogueEntry | None:
    key = f"{name}, open_clip {metadata.version('open_clip_torch')}"
    shipped = json.loads(SHIPPED.read_text())
    entry = shipped.get(key) or cached("catalogue.json", key, lambda: _open_clip_entry(name))
    return CatalogueEntry(**entry) if entry else None


def _open_clip_entry(name: str) -> dict[str, Any] | None:
    import open_clip

    config = open_clip.get_model_config(name)
    if config is None:
        return None
    tags = open_clip.list_pretrained_tags_by_model(name)
    config_of = open_clip.pretrained.get_pretrained_cfg
    locations = {tag: config_of(name, tag).get("hf_hub", "") for tag in tags}
    return asdict(CatalogueEntry(config, locations))
