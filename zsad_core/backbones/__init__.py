"""CLIP towers behind one small interface; to add a shipped one, add its files and a line here."""

from zsad_core.backbones.device import (
    default_device,
    device_memory,
    device_name,
    fastest_precision,
    fix_last_bits,
    out_of_memory,
    threads,
)
from zsad_core.backbones.fetching import fetch, unfetched, wanted
from zsad_core.backbones.sources import BACKBONES, WEIGHTS, TowerInfo, info, known
from zsad_core.backbones.tower import Tower, load

__all__ = [
    "BACKBONES",
    "WEIGHTS",
    "Tower",
    "TowerInfo",
    "default_device",
    "device_memory",
    "device_name",
    "fastest_precision",
    "fetch",
    "fix_last_bits",
    "info",
    "known",
    "load",
    "out_of_memory",
    "threads",
    "unfetched",
    "wanted",
]
