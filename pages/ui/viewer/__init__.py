"""The slice viewer: a canvas in the browser that owns scrubbing, threshold and overlay."""

from pages.ui.viewer.mount import carry, keys, present, viewer
from pages.ui.viewer.payload import (
    ViewerCase,
    ViewerMap,
    ViewerOptions,
    ViewerState,
    ViewerVolume,
)

__all__ = [
    "ViewerCase",
    "ViewerMap",
    "ViewerOptions",
    "ViewerState",
    "ViewerVolume",
    "carry",
    "keys",
    "present",
    "viewer",
]
