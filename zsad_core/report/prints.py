"""Figures 1 to 5 of the paper as Matplotlib draws them: SVG and PNG, without a browser."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.text import Text

from zsad_core.base import print_fonts
from zsad_core.base.atomic import whole
from zsad_core.base.palette import CLASSES, HOLLOW, LABELS, Style, styles
from zsad_core.base.wording import percent
from zsad_core.report.chart_looks import bar_lengths, looks_of
from zsad_core.report.charts import EXPOSED, MEAN, subjects_in_order
from zsad_core.report.comparisons import RankShares, configuration_label
from zsad_core.report.depth_charts import depth_panels
from zsad_core.report.measures import Curves
from zsad_core.report.panels import Panel, PanelGrid

print_fonts.use_all()
DPI = 300
NAME, NARROW = 0.4, 5.0  # inches of what stands beside a panel, and that a caption needs
LINES = 5  # of a caption that a figure has room for
YELLOW, RED, WIDTH = "#F0E442", "#d62728", 3.2  # inches a panel
DASHES = {
    "solid": "-",
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "longdash": (0, (8, 3)),
    "longdashdot": (0, (8, 3, 1, 3)),
}
LONG = 20  # letters of a name
HATCHING = "//////"
HATCHED: dict[str, Any] = {"marker": r"$\#$", "color": "grey", "ms": 6}  # an exposed subject
RIM: dict[str, Any] = {"color": "white", "ms": 6, "elinewidth": 3, "capsize": 3, "capthick": 2.6}
INK: dict[str, Any] = {"color": "black", "ms": 4, "elinewidth": 1.4, "capsize": 2.6, "zorder": 6}
MARKS = {"circle": "o", "square": "s", "diamond": "D", "cross": "P", "triangle-up": "^", "x": "X"}


def by_method(frame: pd.DataFrame, means: pd.DataFrame) -> Figure:
    """Figure 1: boxes, points and `means` of 3D Dice of a `dice_table`, one panel a setup."""
    rows = frame.dropna(subset="dice_3d")
    styles_by_series = styles(sorted(set(frame["series"])))
    panels = {
        setup: {str(series): dice for series, dice in setup_rows.groupby("series")}
        for setup, setup_rows in rows.groupby("setup", observed=True)
    }
    widths = [max(1.4, 0.55 * len(boxes)) for boxes in panels.values()]
    high = 3.2 + _inches(styles_by_series, 10)
    turned: dict[str, Any] = {"rotation": 60, "ha": "right"}
    if max(map(len, styles_by_series)) > LONG:  # they would reach far beyond their panel
        turned = {"rotation": 90}
    size = (max(sum(widths), 2 * WIDTH) / len(panels), high)
    figure, axes = panels_of(len(panels), 1, size, widths)
    for axis, (setup, boxes) in zip(axes, panels.items(), strict=True):
        for position, (series, dice) in enumerate(boxes.items()):
            colour, values = styles_by_series[series][0], dice["dice_3d"]
            axis.boxplot(values, positions=[position], widths=0.6, showfliers=False, **_box(colour))
            axis.plot([position] * len(values), values, ".", color=colour, alpha=0.6, ms=4)
            hatched = values[dice["exposed"]]
            axis.plot([position] * len(hatched), hatched, ls="", **HATCHED)
        of_setup = means[means["setup"] == setup].set_index("series").loc[list(boxes)]
        bars = bar_lengths(of_setup["mean"], of_setup["low"], of_setup["high"])
        for ink in (RIM, INK):
            axis.errorbar(range(len(boxes)), of_setup["mean"], bars, fmt="D", **ink)
        axis.set(title=setup, ylim=(-0.02, 1.02), xlim=(-0.6, len(boxes) - 0.4))
        axis.set_xticks(range(len(boxes)), list(boxes), **turned)
    axes[0].set_ylabel("3D Dice")
    axes[0].plot([], [], "D", label=MEAN, color="black", ms=INK["ms"])
    if rows["exposed"].any():
        axes[0].plot([], [], ls="", label=EXPOSED, **HATCHED)
    figure.legend(loc="outside upper right", frameon=False, ncols=2)
    return figure


def by_subject(frame: pd.DataFrame, series: Sequence[str] = ()) -> Figure:
    """Figure 2 of a `dice_table` joined with its `quartiles`: a panel for each configuration."""
    configurations = list(frame.groupby(["setup", "series"], observed=True))
    order = subjects_in_order(frame)
    colours = {name: style[0] for name, style in looks_of(frame, series).items()}
    high = 1.7 + _inches(order, 5) / len(configurations)
    figure, axes = panels_of(1, len(configurations), (max(7.0, 0.16 * len(order)), high))
    for axis, ((setup, name), dice) in zip(axes, configurations, strict=True):
        positions = [order.index(name) for name in dice["subject"]]
        names = {"med": "median", "q1": "q1", "q3": "q3", "whislo": "low", "whishi": "high"}
        values = dice[[*names.values()]].itertuples(index=False, name=None)
        boxes = [dict(zip(names, row, strict=True)) for row in values]
        colour = colours[str(name)]
        outline = {"edgecolor": colour, "facecolor": "none", "linewidth": 1.2}
        lines = {**_box(colour), "boxprops": outline}
        drawn = axis.bxp(boxes, positions, widths=0.6, showfliers=False, patch_artist=True, **lines)
        for box, exposed in zip(drawn["boxes"], dice["exposed"], strict=True):
            box.set_hatch(HATCHING if exposed else None)
        cross: dict[str, Any] = {"color": RED, "ms": 5, "mew": 1.4, "zorder": 5}
        axis.plot(positions, dice["dice_3d"], "x", label="3D Dice", **cross)
        axis.set(ylim=(-0.02, 1.02), xlim=(-0.8, len(order) - 0.2), ylabel="2D Dice")
        axis.set_title(configuration_label((str(setup), str(name))), loc="left")
        axis.set_xticks([])
    axes[-1].set_xticks(range(len(order)), order, rotation=90, fontsize=5)
    if frame["exposed"].any():
        axes[0].fill_between([], [], fc="none", ec="grey", hatch=HATCHING, label=EXPOSED)
    place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0}
    axes[0].legend(**place, frameon=False, ncols=2)
    return figure


def by_depth(curves: Curves, setups: Sequence[str], series: Sequence[str] = ()) -> Figure:
    """Figure 3: mean 2D Dice over depth, one panel a setup, lesion slices as yellow bars behind."""
    panels = depth_panels(curves, setups, series)
    figure, axes = panels_of(len(panels), 1, (WIDTH, 3.8))
    for axis, panel in zip(axes, panels, strict=True):
        bars, behind = axis.twinx(), panel.bars
        width = 1.8 / len(behind.centres)
        bars.bar(behind.centres, behind.lesion_slices, width, color=YELLOW, alpha=0.35)
        bars.spines["top"].set_visible(False)
        if axis is axes[-1]:
            bars.set_ylabel("slices with lesion")
        axis.set_zorder(bars.get_zorder() + 1)
        axis.patch.set_visible(False)
        for name, (curve, style) in panel.series.items():
            ends = (curve.low, curve.high)
            axis.fill_between(curve.centres, *ends, color=style[0], alpha=0.2, lw=0.8)
            axis.plot(curve.centres, curve.dice, label=name, **line(style))
        axis.set(title=panel.title, xlim=(-1.04, 1.04), ylim=(-0.02, 1.02))
        axis.set_xlabel("depth (-1 inferior, +1 superior)")
    axes[0].set_ylabel("mean 2D Dice")
    legend_above(figure, axes)
    return figure


def by_rank(ranks: RankShares) -> Figure:
    """How often each configuration, the best mean at the top, has each rank."""
    count = len(ranks.names)
    figure, axes = panels_of(1, 1, (max(5.0, 2.4 + 0.55 * count), max(2.0, 0.9 + 0.32 * count)))
    axes[0].imshow(ranks.shares, vmin=0, vmax=1, cmap="Blues", aspect="auto")
    looks: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 7}
    for (row, column), share in np.ndenumerate(ranks.shares):
        colour = "white" if share > 0.5 else "black"
        axes[0].text(column, row, percent(float(share)), color=colour, **looks)
    axes[0].set_xticks(range(count), [str(rank) for rank in range(1, count + 1)])
    axes[0].set_yticks(range(count), [configuration_label(name) for name in ranks.names])
    axes[0].set_xlabel("rank by mean 3D Dice")
    return figure


def by_panel(grid: PanelGrid, aspect: float, legend: bool, side: float) -> Figure:
    """Panels `side` inches high with their names; `aspect` is a pixel's height over its width."""
    height, width = grid.shape
    size = (max(side * width / (height * aspect) + 0.15, NARROW / len(grid.columns)), side + NAME)
    figure, axes = panels_of(len(grid.columns), len(grid.rows), size)
    for number, axis in enumerate(axes):
        row, column = divmod(number, len(grid.columns))
        _panel(axis, grid.panels[row][column], aspect)
        if row == 0:
            axis.set_title(grid.columns[column], fontsize=8)
        if column == 0:
            axis.set_ylabel(grid.rows[row], fontsize=8)
    if legend:
        patches = [
            Patch(color=[channel / 255 for channel in colour], label=kind)
            for kind, colour in zip(LABELS.values(), CLASSES["classic"][:3], strict=False)
        ]
        figure.legend(
            handles=patches, loc="outside upper center", ncols=3, frameon=False, fontsize=8
        )
    return figure


def save(figure: Figure, caption: str, path: Path) -> list[Path]:
    """Write PATH.svg and PATH.png, the caption below; the same bytes for the same figure."""
    lines = textwrap.wrap(caption, int(figure.get_figwidth() * 17))
    figure.set_figheight(figure.get_figheight() + max(len(lines) - LINES, 0) * 0.12)
    figure.supxlabel("\n".join(lines), fontsize=7, ha="left", x=0.01)
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    print_fonts.tell_missing(figure)
    paths = [path.with_name(f"{path.name}.{kind}") for kind in ("svg", "png")]
    with mpl.rc_context({"svg.hashsalt": path.name, "svg.fonttype": "none"}):
        with whole(paths[0]) as temporary:
            figure.savefig(temporary, format="svg", metadata={"Date": None})
        with whole(paths[1]) as temporary:
            figure.savefig(temporary, format="png", dpi=DPI)
    return paths


def panels_of(
    columns: int, rows: int, size: tuple[float, float], widths: list[float] | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure of panels of a size in inches, row by row; of `widths` as shares of theirs."""
    figure = Figure((size[0] * columns, size[1] * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        rows, columns, squeeze=False, sharex=rows > 1, sharey=rows == 1, width_ratios=widths
    )
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes.flat)


def line(style: Style) -> dict[str, Any]:
    """How Matplotlib draws a series."""
    colour, dash, symbol = style
    return {
        "color": colour,
        "ls": DASHES[dash],
        "marker": MARKS[symbol.removesuffix(HOLLOW)],
        "mfc": "white" if symbol.endswith(HOLLOW) else colour,
        "ms": 4,
    }


def legend_above(figure: Figure, axes: list[Axes]) -> None:
    """One legend of all panels above them, each name once."""
    entries = (zip(*axis.get_legend_handles_labels(), strict=True) for axis in axes)
    handles = {name: handle for of_axis in entries for handle, name in of_axis}
    figure.legend(
        handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False
    )


def _panel(axis: Axes, panel: Panel | None, aspect: float) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    if panel is None:
        return
    if panel.picture is not None:
        axis.imshow(panel.picture, aspect=aspect, interpolation="none")
        axis.set_xlabel(panel.words, fontsize=7)
    else:
        axis.text(0.5, 0.5, panel.words, ha="center", va="center", fontsize=8)


def _inches(names: Iterable[str], points: float) -> float:
    """About the length of the longest name."""
    return max(map(len, names)) * 0.6 * points / 72


def _box(colour: str) -> dict[str, Any]:
    line = {"color": colour, "linewidth": 1.2}
    return dict.fromkeys(("boxprops", "whiskerprops", "capprops", "medianprops"), line)
