"""CLIP towers behind one small interface.

To add a shipped one, add its files to `weights/` and a line to `BACKBONES` in `sources.py`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from zsad_core.backbones.device import (
    default_device,
    device_memory,
    device_name,
    devices,
    fastest_precision,
    memory_bytes,
    out_of_memory,
    ran_out_of_memory,
    slices_at_once,
    threads,
)
from zsad_core.backbones.fetching import fetch, unfetched
from zsad_core.backbones.sources import BACKBONES, WEIGHTS, TowerInfo, info, known

if TYPE_CHECKING:
    from zsad_core.backbones.tower import Tower, load, official_sums

__all__ = [
    "BACKBONES",
    "WEIGHTS",
    "Tower",
    "TowerInfo",
    "default_device",
    "device_memory",
    "device_name",
    "devices",
    "fastest_precision",
    "fetch",
    "info",
    "known",
    "load",
    "memory_bytes",
    "official_sums",
    "out_of_memory",
    "ran_out_of_memory",
    "slices_at_once",
    "threads",
    "unfetched",
]


def __getattr__(name: str) -> object:
    """What works with a tower, imported once it is asked for: it needs torch."""
    if name in ("Tower", "load", "official_sums"):
        return getattr(import_module("zsad_core.backbones.tower"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
