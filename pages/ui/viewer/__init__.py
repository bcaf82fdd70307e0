"""The slice viewer: a canvas in the browser that owns scrubbing, threshold and overlay."""

from pages.ui.viewer.mount import Piece, carry, carry_packed, keys, packed, present, viewer
from pages.ui.viewer.payload import (
    ViewerCase,
    ViewerMap,
    ViewerOptions,
    ViewerState,
    ViewerVolume,
)

__all__ = [
    "Piece",
    "ViewerCase",
    "ViewerMap",
    "ViewerOptions",
    "ViewerState",
    "ViewerVolume",
    "carry",
    "carry_packed",
    "keys",
    "packed",
    "present",
    "viewer",
]
