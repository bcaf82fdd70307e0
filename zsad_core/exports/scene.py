"""One slice in one to three panels with their legend, as a figure whose slice can be changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from zsad_core.base.palette import CLASSES, CUES, KINDS, LABELS, Classes, Cue
from zsad_core.exports.panels import HALO, PANELS, TRUTH, PanelName, hex_of
from zsad_core.exports.reading import Reading
from zsad_core.types import Plane

SIDES: dict[Plane, str] = {"axial": "RLAP", "coronal": "RLSI", "sagittal": "APSI"}
HEIGHT, GAP, BAR, LEAST_WIDTH = 4.0, 0.12, 0.16, 6.5  # inches
SCALE_MM = 20
POSITIONS = (
    (0.02, 0.5, "left", "center"),
    (0.98, 0.5, "right", "center"),
    (0.5, 0.98, "center", "top"),
    (0.5, 0.02, "center", "bottom"),
)


@dataclass(frozen=True)
class Look:
    """The style of a scene: panels, background, size of type in points, colours of the classes."""

    panels: tuple[PanelName, ...] = tuple(PANELS)
    dark: bool = False
    points: float = 11
    palette: Classes = "safe"

    @property
    def ink(self) -> tuple[str, str, str]:
        """Colours of the ground, of type and of small type."""
        return ("#111418", "#FFFFFF", "#B8C0CC") if self.dark else ("#FFFFFF", "#111111", "#555555")


LOOK = Look()


class Scene:
    """The panels of a reading; `show` changes the slice and nothing else.

    `top` and `bottom` are inches left free for text. `size` is width and height in inches;
    `moving` are the artists that change or lie over others that do, in drawing order.
    """

    def __init__(self, reading: Reading, look: Look, top: float = 0.0, bottom: float = 0.0) -> None:
        """Draw the slice of the view."""
        self.reading, self.look = reading, look
        self.moving: list[Artist] = []
        self._shows: list[Callable[[int], None]] = []
        line, panel = look.points / 72 * 1.6, _panel_width(reading)
        below = bottom + 1.5 * line
        self.size = (width(self.reading, self.look), below + HEIGHT + line + top)
        self.figure = Figure(self.size, facecolor=self.look.ink[0])
        FigureCanvasAgg(self.figure)
        left = (self.size[0] - _panels_width(self.reading, self.look)) / 2
        for name in self.look.panels:
            self._add(name, self._axes(left, below, panel))
            left += panel + GAP
        if "map" in self.look.panels:
            self._colour_bar(self._axes(left, below, BAR))
        self._legend(bottom + 0.7 * line)
        self.show(self.reading.view.index)

    def show(self, index: int) -> None:
        """Show another slice in the panels."""
        for show in self._shows:
            show(index)

    def _axes(self, left: float, bottom: float, wide: float) -> Axes:
        across, up = self.size
        return self.figure.add_axes((left / across, bottom / up, wide / across, HEIGHT / up))

    def _add(self, name: PanelName, axes: Axes) -> None:
        title, draw = PANELS[name]
        axes.set_axis_off()
        axes.set_title(title, color=self.look.ink[1], fontsize=self.look.points, pad=4)
        show, artists = draw(axes, self.reading, self.look.palette)
        self._shows.append(show)
        self.moving += artists
        white: dict[str, Any] = {"color": "white", "path_effects": HALO}
        white["transform"] = axes.transAxes
        looks = {**white, "fontsize": 0.85 * self.look.points}
        sides = SIDES[self.reading.view.map.features.slices.plane]
        for side, (x, y, across, up) in zip(sides, POSITIONS, strict=True):
            self.moving.append(axes.text(x, y, side, ha=across, va=up, **looks))
        if name == self.look.panels[0]:
            columns = self.reading.frame[1]
            across_mm = (columns.stop - columns.start) * self.reading.stack.pixel_mm[1]
            length = SCALE_MM / across_mm  # of the scale bar, as a share of the panel's width
            bar = axes.plot([0.03, 0.03 + length], [0.03, 0.03], linewidth=3, **white)[0]
            label = axes.text(0.03, 0.05, f"{SCALE_MM // 10} cm", ha="left", va="bottom", **looks)
            self.moving += [bar, label]

    def _colour_bar(self, axes: Axes) -> None:
        """The whole range of the method, not that of the slice, with the threshold marked."""
        high, (_, ink, _), small = self.reading.anomaly.high, self.look.ink, 0.8 * self.look.points
        at = self.reading.view.threshold.value
        bar = self.figure.colorbar(ScalarMappable(Normalize(0, high), "inferno"), cax=axes)
        bar.set_ticks([end for end in (0, high) if abs(end - at) > 0.08 * high])
        axes.tick_params(colors=ink, labelsize=small)
        axes.axhline(at, color="white", linewidth=1.6, path_effects=HALO)
        beside = axes.get_yaxis_transform()
        axes.text(1.1, at, f"◂ {at:.3g}", transform=beside, va="center", color=ink, fontsize=small)

    def _legend(self, middle: float) -> None:
        handles: list[Artist] = []
        has_truth = self.reading.stack.truth is not None
        if has_truth and self.look.panels != ("classes",):
            handles.append(Line2D([], [], color=TRUTH, linewidth=2, label="truth"))
        if "classes" in self.look.panels:
            rows = zip(KINDS, CLASSES[self.look.palette], CUES[self.look.palette], strict=True)
            for kind, colour, cue in rows:
                if has_truth != (kind == "only"):
                    handles.append(_swatch(LABELS[kind], hex_of(colour), cue))
            if has_truth:
                ring: dict[str, Any] = {"marker": "o", "markersize": 9, "linestyle": ""}
                ring |= {"markerfacecolor": "#444444", "markeredgecolor": "white"}
                handles.append(Line2D([], [], **ring, label="missed entirely", path_effects=HALO))
        self.figure.legend(
            handles=handles,
            loc="center",
            ncols=max(len(handles), 1),
            frameon=False,
            bbox_to_anchor=(0.5, middle / self.size[1]),
            labelcolor=self.look.ink[1],
            fontsize=self.look.points,
        )


def _swatch(label: str, colour: str, cue: Cue) -> Artist:
    if cue == "line":
        return Line2D([], [], color=colour, linewidth=2, label=label)
    if cue == "hatch":
        return Patch(facecolor="none", edgecolor=colour, hatch="////", label=label)
    return Patch(color=colour, label=label)


def width(reading: Reading, look: Look) -> float:
    """Inches from left to right."""
    return max(_panels_width(reading, look) + 2 * GAP, LEAST_WIDTH)


def _panels_width(reading: Reading, look: Look) -> float:
    bar = 0.08 * look.points * ("map" in look.panels)
    return len(look.panels) * (_panel_width(reading) + GAP) - GAP + bar


def _panel_width(reading: Reading) -> float:
    rows, columns = (side.stop - side.start for side in reading.frame)
    high, across = reading.stack.pixel_mm
    return HEIGHT * columns * across / (rows * high)
