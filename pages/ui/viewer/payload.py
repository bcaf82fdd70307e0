"""What the viewer is given: values, options, and the packing of arrays into blobs."""

import gzip
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from zsad_core.types import ByteArray, MaskArray

BRAIN, TRUTH = 1, 2  # bits of the flag byte, as in counts.js


@dataclass(frozen=True)
class ViewerVolume:
    """One subject: image (S, H, W) uint8, brain and truth masks of the same shape."""

    image: ByteArray
    brain: MaskArray
    truth: MaskArray | None = None


@dataclass(frozen=True)
class ViewerMap:
    """One anomaly map: levels (S, H, W) uint8 where level/255 * high is the method's value."""

    levels: ByteArray
    high: float
    title: str = ""


@dataclass(frozen=True)
class ViewerOptions:
    """How to show it.

    `slice` (from 0) and `threshold` (0..255) are applied whenever `sequence` changes; None leaves
    the browser's own. Mode, opacity, palette and colour map are applied when they change here and
    stay the user's otherwise. `pixel_mm` is (row, column) height and width of a pixel, `depth` the
    position of each slice in -1..1 with NaN where there is no brain. Components of fewer than
    `smallest` voxels are left out of mask and counts.
    """

    slice: int | None = None
    threshold: int | None = None
    sequence: int = 0
    mode: Literal["classes", "outline", "heat", "none"] = "classes"
    opacity: float = 0.5
    palette: Literal["classic", "safe"] = "classic"
    colour_map: Literal["inferno", "viridis", "grey"] = "inferno"
    brain_only: bool = True
    smallest: int = 0
    empty_slices: Literal["lesion_only", "nan", "both_empty_one"] = "lesion_only"
    voxel_ml: float = 0.001
    pixel_mm: tuple[float, float] = (1.0, 1.0)
    depth: tuple[float, ...] = ()
    title: str = ""
    note: str = ""
    height: int = 680


@dataclass(frozen=True)
class ViewerState:
    """Where the viewer stands; `touched` tells whether the user has moved anything since a jump."""

    slice: int
    threshold: int
    mode: str
    opacity: float
    palette: str
    colour_map: str
    touched: bool


def pack_volume(volume: ViewerVolume, key: str) -> bytes:
    """The volume as one blob: image bytes, then a flag byte per voxel (1 brain, 2 truth)."""
    flags = volume.brain.astype(np.uint8) * BRAIN
    if volume.truth is not None:
        flags |= volume.truth.astype(np.uint8) * TRUTH
    header = {"hash": key, "shape": volume.image.shape, "truth": volume.truth is not None}
    return _blob(header, volume.image, flags)


def pack_map(levels: ByteArray, key: str) -> bytes:
    """The levels (S, H, W) as one blob."""
    return _blob({"hash": key, "shape": levels.shape}, levels)


def _blob(header: Mapping[str, Any], *arrays: ByteArray) -> bytes:
    text = json.dumps(header).encode()
    for array in arrays:
        if array.dtype != np.uint8:
            raise ValueError(f"the viewer takes uint8 arrays, not {array.dtype}")
    body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return struct.pack("<I", len(text)) + text + gzip.compress(body, 1, mtime=0)


def message(
    volume_key: str, maps: Sequence[tuple[str, ViewerMap]], options: ViewerOptions
) -> dict[str, Any]:
    """The small JSON beside the blobs: which to show, and how."""
    return {
        "volume": volume_key,
        "maps": [{"hash": key, "high": float(m.high), "title": m.title} for key, m in maps],
        "sequence": options.sequence,
        "slice": options.slice,
        "threshold": options.threshold,
        "mode": options.mode,
        "opacity": options.opacity,
        "palette": options.palette,
        "colourMap": options.colour_map,
        "brainOnly": options.brain_only,
        "smallest": options.smallest,
        "emptySlices": options.empty_slices,
        "voxelMl": options.voxel_ml,
        "pixelMm": list(options.pixel_mm),
        "depth": [None if math.isnan(d) else round(float(d), 3) for d in options.depth],
        "title": options.title,
        "note": options.note,
        "height": options.height,
    }


def state(
    view: Mapping[str, Any] | None,
    options: ViewerOptions,
    slices: int,
    last: ViewerState | None = None,
) -> ViewerState:
    """What to believe: the browser's word, or the options where a jump has not been answered yet.

    `last` is what the previous run believed; a jump of the slice alone keeps its threshold.

    >>> state(None, ViewerOptions(slice=3), 10).slice
    3
    >>> state({"slice": 7, "sequence": 0}, ViewerOptions(slice=3), 10).slice
    7
    >>> state({"slice": 7, "sequence": 0}, ViewerOptions(slice=3, sequence=1), 10).slice
    3
    """
    told = dict(view or {})
    fresh = told.get("sequence") == options.sequence

    def pick(name: str, wanted: int | None, otherwise: int) -> int:
        if fresh and name in told:
            return int(told[name])
        if wanted is not None:
            return wanted
        return int(getattr(last, name)) if last else int(told.get(name, otherwise))

    return ViewerState(
        slice=max(0, min(slices - 1, pick("slice", options.slice, slices // 2))),
        threshold=max(0, min(255, pick("threshold", options.threshold, 128))),
        mode=str(told.get("mode", options.mode)),
        opacity=float(told.get("opacity", options.opacity)),
        palette=str(told.get("palette", options.palette)),
        colour_map=str(told.get("colour_map", options.colour_map)),
        touched=fresh,
    )
