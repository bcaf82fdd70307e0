"""What the viewer is given: values, options, and the small JSON; and what it answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from zsad_core.types import ByteArray, FloatArray, MaskArray, Plane

AXES = {"axial": "SPL", "coronal": "AIL", "sagittal": "RIP"}  # where S, H, W run to, by plane
Layer = Literal["classes", "outline", "labels", "predicted", "map", "grid"]


@dataclass(frozen=True)
class ViewerVolume:
    """One subject: image (S, H, W) uint8, brain and truth masks of the same shape.

    `labels` (S, H, W) uint8 in 0 … 63 are the parts of the truth, 0 outside it.
    """

    image: ByteArray
    brain: MaskArray
    truth: MaskArray | None = None
    labels: ByteArray | None = None


@dataclass(frozen=True)
class ViewerMap:
    """One anomaly map: levels (S, H, W) uint8 where level/255 * high is the method's value.

    `grid` is the number of patches along a side of the method's square input, 0 without any.
    `over` is a scan of its own with its key, where the map is not of the volume shown first.
    `whole` is false while only the slice looked at has levels.
    """

    levels: ByteArray
    high: float
    title: str = ""
    grid: int = 0
    over: tuple[str, ViewerVolume] | None = None
    window: tuple[float, float] | None = None
    whole: bool = True


@dataclass(frozen=True)
class ViewerCase:
    """What stands round the picture where a case is presented, on a page of its own.

    `key` changes with the case, `number` counts from 1; `line` names subject and method, `foot` is
    small print. A case with a `problem` shows that sentence in place of a picture.
    """

    key: str
    number: int
    count: int
    title: str
    line: str
    kind: str = ""
    note: str = ""
    foot: str = ""
    synthetic: bool = False
    problem: str = ""


@dataclass(frozen=True)
class ViewerOptions:
    """How to show it.

    `slice` (from 0) and `threshold` (0..255) are applied whenever `sequence` changes; None leaves
    the browser's own. Layers, palette and colour map are applied when they change here and stay
    the user's otherwise. `plane` is the one that the slices lie in; `pixel_mm` the (row, column)
    height and width of a pixel, `slice_mm` the way from slice to slice, `affine` takes voxels
    (x, y, z) to mm; `window` are the intensities of image 0 and 255; `labels` name the truth's
    parts. `depth` is the position of each slice in -1..1 with NaN where there is no brain.
    `made` stands below a picture that is saved. Components of fewer than `smallest` voxels are
    left out of mask and counts. With a `case` the viewer fills the window, without its controls.
    """

    slice: int | None = None
    threshold: int | None = None
    sequence: int = 0
    layers: tuple[Layer, ...] = ("classes",)
    palette: Literal["classic", "safe"] = "classic"
    colour_map: Literal["inferno", "magma", "viridis", "cividis", "grey"] = "inferno"
    brain_only: bool = True
    smallest: int = 0
    empty_slices: Literal["lesion_only", "nan", "both_empty_one"] = "lesion_only"
    voxel_ml: float = 0.001
    plane: Plane = "axial"
    pixel_mm: tuple[float, float] = (1.0, 1.0)
    slice_mm: float = 1.0
    affine: FloatArray | None = None
    window: tuple[float, float] | None = None
    labels: tuple[tuple[int, str], ...] = ()
    depth: tuple[float, ...] = ()
    title: str = ""
    note: str = ""
    made: str = ""
    height: int = 680
    case: ViewerCase | None = None


@dataclass(frozen=True)
class ViewerState:
    """Where the viewer stands; `touched` tells whether the user has moved anything since a jump."""

    slice: int
    threshold: int
    touched: bool


def message(
    volume_key: str, maps: Sequence[tuple[str, ViewerMap]], options: ViewerOptions
) -> dict[str, Any]:
    """The small JSON beside the blobs: which to show, and how.

    Tuples, since Streamlit imports pandas to see whether a list or dict is a table.
    """
    affine = options.affine
    return {
        "volume": volume_key,
        "maps": tuple(_about(key, shown) for key, shown in maps),
        "sequence": options.sequence,
        "slice": options.slice,
        "threshold": options.threshold,
        "layers": options.layers,
        "palette": options.palette,
        "colourMap": options.colour_map,
        "brainOnly": options.brain_only,
        "smallest": options.smallest,
        "emptySlices": options.empty_slices,
        "voxelMl": options.voxel_ml,
        "axes": AXES[options.plane],
        "spacing": (options.slice_mm, *options.pixel_mm),
        "affine": None if affine is None else tuple(tuple(map(float, row)) for row in affine[:3]),
        "window": options.window,
        "labels": options.labels,
        "depth": tuple(None if math.isnan(d) else round(float(d), 3) for d in options.depth),
        "title": options.title,
        "note": options.note,
        "made": options.made,
        "height": options.height,
        "case": asdict(options.case) if options.case else None,
    }


def _about(key: str, shown: ViewerMap) -> dict[str, Any]:
    over = shown.over[0] if shown.over else ""
    about = {"hash": key, "high": float(shown.high), "title": shown.title, "grid": shown.grid}
    return {**about, "volume": over, "window": shown.window, "whole": shown.whole}


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
        touched=fresh,
    )
