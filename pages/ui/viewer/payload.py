"""What the viewer is given: values, options, and the small JSON; and what it answers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from numbers import Real
from typing import Any, Literal

import numpy as np

from zsad_core.base.palette import CLASSES, CUES, LABELS, RING, Classes
from zsad_core.metrics.dice import EMPTY_RULES, EmptySlices
from zsad_core.metrics.levels import LEVELS
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
    """One anomaly map: values (S, H, W) float32, sent as levels that `thresholds` (256,) cut.

    A voxel has level k where thresholds[k] <= value < thresholds[k + 1], so `level >= k` is the
    mask `value >= thresholds[k]` (`zsad_core.metrics.levels`). They ascend from 0 to at most
    `high`, the end of the method's range; those of all maps in one view are aligned: the same share
    of each map's own range at each index. The content key of a map changes with its thresholds.
    `grid` is the number of patches along a side of the method's square input, 0 without any.
    `over` is a scan of its own with its key, where the map is not of the volume shown first.
    `whole` is false while only the slice looked at has values. `auroc` and `ap` rank all values in
    the brain; None where nothing is ranked.
    """

    values: FloatArray
    thresholds: FloatArray
    high: float
    title: str = ""
    grid: int = 0
    over: tuple[str, ViewerVolume] | None = None
    window: tuple[float, float] | None = None
    whole: bool = True
    auroc: float | None = None
    ap: float | None = None

    def __post_init__(self) -> None:
        given = self.thresholds
        if given.shape != (LEVELS,) or given.dtype != np.float32:
            raise ValueError(
                f"thresholds {given.shape} {given.dtype}; the viewer takes (256,) float32"
            )
        if given[0] != 0 or not (np.diff(given) >= 0).all():
            raise ValueError("thresholds must ascend from 0")


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

    `slice` (from 0) and `threshold`, a value in the range of the first map, are applied whenever
    `sequence` changes; None leaves the browser's own. Layers, palette and colour map are applied
    when they change here and stay the user's otherwise. `plane` is the one that the slices lie in;
    `pixel_mm` the (row, column) height and width of a pixel, `slice_mm` the way from slice to
    slice, `affine` takes voxels (x, y, z) to mm; `window` are the intensities of image 0 and 255;
    `labels` name the truth's parts. `depth` is the position of each slice in -1..1 with NaN where
    there is no brain. `made` stands below a picture that is saved. Components of fewer than
    `smallest` voxels are left out of mask and counts. With a `case` the viewer fills the window,
    without its controls.
    """

    slice: int | None = None
    threshold: float | None = None
    sequence: int = 0
    layers: tuple[Layer, ...] = ("classes",)
    palette: Classes = "classic"
    colour_map: Literal["inferno", "magma", "viridis", "cividis", "grey"] = "inferno"
    brain_only: bool = True
    smallest: int = 0
    empty_slices: EmptySlices = "lesion_only"
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
    height: int = 660
    case: ViewerCase | None = None


@dataclass(frozen=True)
class ViewerState:
    """Where the viewer stands.

    `threshold` is a value of the first map, NaN without any map; `touched` tells whether the user
    has moved anything since a jump.
    """

    slice: int
    threshold: float
    touched: bool


def message(
    volume_key: str, maps: Sequence[tuple[str, ViewerMap]], options: ViewerOptions
) -> dict[str, Any]:
    """The small JSON beside the chunks: which to show, and how.

    Tuples, since Streamlit imports pandas to see whether a list or dict is a table.
    """
    affine, rule = options.affine, EMPTY_RULES[options.empty_slices]
    return {
        "volume": volume_key,
        "maps": tuple(_about(key, shown) for key, shown in maps),
        "sequence": options.sequence,
        "slice": options.slice,
        "threshold": _number(options.threshold),
        "layers": options.layers,
        "palette": options.palette,
        "colourMap": options.colour_map,
        "brainOnly": options.brain_only,
        "smallest": options.smallest,
        "emptyDice": (rule.alarm, rule.empty),
        "ring": RING,
        "palettes": tuple((name, _classes(name)) for name in CLASSES),
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
    about["thresholds"] = tuple(shown.thresholds.tolist())
    about |= {"volume": over, "window": shown.window, "whole": shown.whole}
    return {**about, "auroc": _number(shown.auroc), "ap": _number(shown.ap)}


def _classes(palette: Classes) -> tuple[tuple[str, str, str, str], ...]:
    """Kind, colour, cue and label of each class."""
    colours = ("#{:02x}{:02x}{:02x}".format(*rgb) for rgb in CLASSES[palette])
    return tuple(zip(LABELS, colours, CUES[palette], LABELS.values(), strict=True))


def state(
    view: Mapping[str, Any] | None,
    options: ViewerOptions,
    slices: int,
    high: float | None,
    last: ViewerState | None = None,
) -> ViewerState:
    """What to believe: the browser's word, or the options where a jump has not been answered yet.

    What is no number counts as not said. `high` is the end of the first map's range, None without
    any map; the threshold is half of it where nobody says another. `last` is what the previous run
    believed; a jump of the slice alone keeps its threshold.

    >>> state(None, ViewerOptions(slice=3), 10, 1.0)
    ViewerState(slice=3, threshold=0.5, touched=False)
    >>> state({"slice": 7, "sequence": 0}, ViewerOptions(slice=3), 10, 1.0).slice
    7
    >>> state({"slice": 7, "sequence": 0}, ViewerOptions(slice=3, sequence=1), 10, 1.0).slice
    3
    """
    answer = dict(view) if isinstance(view, Mapping) else {}
    fresh = answer.get("sequence") == options.sequence

    def pick(name: str, requested: float | None, otherwise: float) -> float:
        value, before = answer.get(name), getattr(last, name, None)
        order = (value, requested, before) if fresh else (requested, before, value)
        return next((number for number in map(_number, order) if number is not None), otherwise)

    threshold = math.nan
    if high is not None:
        threshold = max(0.0, min(float(high), pick("threshold", options.threshold, high / 2)))
    index = int(pick("slice", options.slice, slices // 2))
    return ViewerState(max(0, min(slices - 1, index)), threshold, fresh)


def on_grid(state: ViewerState, thresholds: FloatArray) -> ViewerState:
    """With the threshold that the viewer shows for it: itself, else the next above it, or the last.

    >>> on_grid(ViewerState(3, 0.3, False), np.array([0, 0.25, 0.5], np.float32))
    ViewerState(slice=3, threshold=0.5, touched=False)
    """
    at = int(np.searchsorted(thresholds, np.float32(state.threshold)))
    return replace(state, threshold=float(thresholds[min(at, len(thresholds) - 1)]))


def _number(value: object) -> float | None:
    """The value where it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
