"""What open_clip lists of its models, kept on disk: looking it up imports open_clip for seconds."""

import functools
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from zsad_core.errors import WeightsError
from zsad_core.places import cache_root, kept


@dataclass(frozen=True)
class Listed:
    """A model's config in open_clip's format, and where on the hub its weights lie, by tag.

    A place is owner/name/ or owner/name/file, or "" for weights that are not on the hub.
    """

    config: dict[str, Any]
    places: dict[str, str]


def listed(name: str) -> Listed:
    """What open_clip lists under a model's name; raises WeightsError where that is nothing."""
    return _listed(name, cache_root())


@functools.lru_cache(256)
def _listed(name: str, _cache: Path) -> Listed:
    key = f"{name}, open_clip {metadata.version('open_clip_torch')}"
    return Listed(**kept("catalogue.json", key, lambda: asdict(_looked_up(name))))


def _looked_up(name: str) -> Listed:
    import open_clip
    from open_clip.pretrained import get_pretrained_cfg

    config = open_clip.get_model_config(name)
    if config is None:
        raise WeightsError(
            f"There is no backbone '{name}'; give one of the project's own (demo, demo-pmc), an "
            "open_clip model name (ViT-L-14-336), a hub id (hf-hub:owner/name) or the path of a "
            "config JSON."
        )
    tags = open_clip.list_pretrained_tags_by_model(name)
    return Listed(config, {tag: get_pretrained_cfg(name, tag).get("hf_hub", "") for tag in tags})
