"""The brightness of a slice as its map."""

from zsad_core.methods.intensity.method import Intensity

__all__ = ["Intensity"]
