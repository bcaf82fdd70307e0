"""CLIP towers behind one small interface.

To add a shipped one, add its files to `weights/` and a line to `BACKBONES` in `sources.py`.
"""

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
from zsad_core.types import BackboneSpec, Precision

if TYPE_CHECKING:
    from zsad_core.backbones.tower import Tower

__all__ = [
    "BACKBONES",
    "WEIGHTS",
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
    "out_of_memory",
    "ran_out_of_memory",
    "slices_at_once",
    "threads",
    "unfetched",
]


def load(spec: BackboneSpec, device: str, precision: Precision) -> "Tower":
    """The backbone on a device, image side in the precision; raises WeightsError.

    Missing weights are fetched first. The first tower of a process imports torch and open_clip.
    """
    from zsad_core.backbones import tower

    return tower.load(spec, device, precision)
