"""The slice viewer: a canvas in the browser that owns scrubbing, threshold and overlay."""

from pages.ui.viewer.mount import viewer
from pages.ui.viewer.payload import ViewerMap, ViewerOptions, ViewerState, ViewerVolume

__all__ = ["ViewerMap", "ViewerOptions", "ViewerState", "ViewerVolume", "viewer"]
