"""CLIP towers behind one small interface; to add a shipped one, add its files and a line here."""

from zsad_core.backbones.device import default_device, device_memory, fastest_precision
from zsad_core.backbones.sources import BACKBONES, WEIGHTS, TowerInfo, info
from zsad_core.backbones.tower import Tower, load

__all__ = [
    "BACKBONES",
    "WEIGHTS",
    "Tower",
    "TowerInfo",
    "default_device",
    "device_memory",
    "fastest_precision",
    "info",
    "load",
]
