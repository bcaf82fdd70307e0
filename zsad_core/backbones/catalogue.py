"""What open_clip lists of its models, kept on disk: looking it up imports open_clip for seconds."""

import functools
import json
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zsad_core.base.paths import cache_root, kept

# The backbones of the shipped setups as one release of open_clip lists them, so that a new user's
# first page does not wait for its import; under another release they are looked up.
SHIPPED = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True)
class Listed:
    """A model's config in open_clip's format, and where on the hub its weights lie, by tag.

    A place is owner/name/ or owner/name/file, or "" for weights that are not on the hub.
    """

    config: dict[str, Any]
    places: dict[str, str]


def listed(name: str) -> Listed | None:
    """What open_clip lists under a model's name, if anything."""
    return _listed(name, cache_root())


@functools.lru_cache(256)
def _listed(name: str, _cache: Path) -> Listed | None:
    key = f"{name}, open_clip {metadata.version('open_clip_torch')}"
    shipped = json.loads(SHIPPED.read_text())
    found = shipped.get(key) or kept("catalogue.json", key, lambda: _looked_up(name))
    return Listed(**found) if found else None


def _looked_up(name: str) -> dict[str, Any] | None:
    from zsad_core.backbones.quick_open_clip import open_clip

    config = open_clip.get_model_config(name)
    if config is None:
        return None
    tags = open_clip.list_pretrained_tags_by_model(name)
    of = open_clip.pretrained.get_pretrained_cfg
    places = {tag: of(name, tag).get("hf_hub", "") for tag in tags}
    return asdict(Listed(config, places))
