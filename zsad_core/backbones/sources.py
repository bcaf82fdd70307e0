"""Where a backbone comes from: shipped files, open_clip's list or hub, or local files."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zsad_core.backbones import config
from zsad_core.backbones.catalogue import catalogue_entry
from zsad_core.backbones.fetching import HUB, config_file, unfetched, weights_file
from zsad_core.base.digests import file_digest
from zsad_core.errors import WeightsError
from zsad_core.types import BackboneSpec

WEIGHTS = Path(__file__).parent / "weights"
CONFIG = WEIGHTS / "demo.json"
# Later files override tensors of earlier ones, so a derived backbone stores what differs.
BACKBONES: dict[str, tuple[str, ...]] = {
    "demo": ("demo-tokens.safetensors", "demo.safetensors"),
    "demo-pmc": ("demo-tokens.safetensors", "demo-pmc.safetensors"),
}


@dataclass(frozen=True)
class TowerInfo:
    """What methods need to know of a backbone without loading it.

    `digest` names the weights: SHA-256 of local files, or of name, tag and the hub's name of the
    fetched file. `activation` is None where the config declares none: then the recipe decides. A
    shipped or hub config declares exact GELU by silence.
    """

    name: str
    digest: str
    image_size: int
    patch_size: int
    visual_blocks: int
    text_blocks: int
    width: int
    embed_dim: int
    activation: Literal["gelu", "quick_gelu"] | None
    text_width: int = 512
    context_length: int = 77
    mean: tuple[float, ...] = config.OPENAI_MEAN
    std: tuple[float, ...] = config.OPENAI_STD


@dataclass(frozen=True)
class BackboneSource:
    """A backbone's config in open_clip's format, and its local files (none: open_clip has them)."""

    config: dict[str, Any]
    files: tuple[Path, ...]


def info(spec: BackboneSpec) -> TowerInfo:
    """Sizes and digest of a backbone; reads the config and hashes files, loads no tensor.

    Raises WeightsError naming what is missing, where it was looked for and how to get it.
    """
    origin = source(spec)
    sizes = config.checked(origin.config, spec.name)
    vision, text = sizes.vision_cfg, sizes.text_cfg
    return TowerInfo(
        name=spec.name,
        digest=_digest(spec, origin),
        image_size=vision.side,
        patch_size=vision.patch_size,
        visual_blocks=vision.layers,
        text_blocks=text.layers,
        width=vision.width,
        embed_dim=sizes.embed_dim,
        activation=_activation(spec, origin.config),
        text_width=text.width,
        context_length=text.context_length,
        mean=sizes.preprocess_cfg.mean,
        std=sizes.preprocess_cfg.std,
    )


def source(spec: BackboneSpec) -> BackboneSource:
    """Config and files of a backbone; raises WeightsError."""
    if spec.name in BACKBONES:
        return BackboneSource(
            config.read(CONFIG), tuple(_shipped(spec.name, f) for f in BACKBONES[spec.name])
        )
    if spec.name.endswith(".json"):
        return BackboneSource(config.read(Path(spec.name)), (_local(spec),))
    if spec.name.startswith(HUB):
        if (path := config_file(spec)) is None:
            raise WeightsError(unfetched(spec))
        return BackboneSource(config.read(path), ())
    entry = catalogue_entry(spec.name)
    if entry is None:
        raise WeightsError(
            f"There is no backbone '{spec.name}'; give {', '.join(BACKBONES)}, an open_clip model "
            "name (ViT-L-14-336), a hub id (hf-hub:owner/name) or the path of a config JSON."
        )
    if spec.weights not in entry.places:
        raise WeightsError(
            f"open_clip has no weights '{spec.weights}' for {spec.name}; it has "
            f"{', '.join(entry.places) or 'none'}."
        )
    return BackboneSource(entry.config, ())


def known(spec: BackboneSpec) -> bool:
    """Whether the sizes can be told: a hub model's config comes with its weights."""
    return not spec.name.startswith(HUB) or config_file(spec) is not None


def _activation(spec: BackboneSpec, model: dict[str, Any]) -> Literal["gelu", "quick_gelu"] | None:
    complete = spec.name in BACKBONES or spec.name.startswith(HUB)
    if model.get("quick_gelu"):
        return "quick_gelu"
    return "gelu" if complete or "quick_gelu" in model else None


def _shipped(name: str, file: str) -> Path:
    path = WEIGHTS / file
    if not path.is_file():
        raise WeightsError(
            f"The backbone '{name}' lacks {file} in {WEIGHTS}; get it with the project, or train "
            f"it: zsad train --backbone {name}."
        )
    return path


def _local(spec: BackboneSpec) -> Path:
    path = Path(spec.weights)
    if not spec.weights or not path.is_file() or not os.access(path, os.R_OK):
        raise WeightsError(
            f"The config '{spec.name}' needs a weights file and '{spec.weights}' is none; give a "
            ".safetensors, .pt or .bin file."
        )
    return path


def _digest(spec: BackboneSpec, origin: BackboneSource) -> str:
    if not origin.files:
        fetched = weights_file(spec)
        stored = fetched.resolve().name if fetched else ""
        return hashlib.sha256(f"{spec.name}:{spec.weights}:{stored}".encode()).hexdigest()
    parts = [json.dumps(origin.config, sort_keys=True)]
    parts += [file_digest(path) for path in origin.files]
    return hashlib.sha256("".join(parts).encode()).hexdigest()
