"""The slice viewer: a canvas in the browser that owns scrubbing, threshold and overlay."""

from pages.ui.viewer.mount import Chunk, keys, packed, present, send, send_chunks, viewer
from pages.ui.viewer.payload import (
    ViewerCase,
    ViewerMap,
    ViewerOptions,
    ViewerState,
    ViewerVolume,
)

__all__ = [
    "Chunk",
    "ViewerCase",
    "ViewerMap",
    "ViewerOptions",
    "ViewerState",
    "ViewerVolume",
    "keys",
    "packed",
    "present",
    "send",
    "send_chunks",
    "viewer",
]
