"""What the threshold costs, and calibration, as Matplotlib draws them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zsad_core.report.chart_looks import bar_lengths, looks_of, names_of
from zsad_core.report.prints import WIDTH, legend_above, line, panels_of
from zsad_core.report.table_text import HIGH, LOW

SeriesPainter = Callable[[Axes, pd.DataFrame, float, dict[str, Any]], None]


def costs(means: pd.DataFrame, series: Sequence[str] = ()) -> Figure:
    """The mean loss of each rule of `threshold_costs.means` with its interval, a panel a setup."""
    rules = list(means["threshold"].cat.categories)

    def draw(axis: Axes, of_series: pd.DataFrame, shift: float, style: dict[str, Any]) -> None:
        places = of_series["threshold"].cat.codes + shift
        bars = bar_lengths(*(of_series["loss" + end] for end in ("", LOW, HIGH)))
        axis.errorbar(places, of_series["loss"], bars, **style | {"ls": ""})

    frame = means.rename(columns={"method": "series"})
    figure, axes = _by_setup(frame, series, draw, "3D Dice lost against oracle")
    for axis in axes:
        axis.set_xlim(-0.5, len(rules) - 0.5)
        axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))
        axis.set_xticks(range(len(rules)), rules, rotation=30, ha="right")
    return figure


def reliability(table: pd.DataFrame, series: Sequence[str] = ()) -> Figure:
    """The reliability of each configuration with intervals, a panel a setup, and the diagonal."""

    def draw(axis: Axes, curve: pd.DataFrame, _: float, style: dict[str, Any]) -> None:
        bars = bar_lengths(*(curve["observed" + end] for end in ("", LOW, HIGH)))
        axis.errorbar(curve["predicted"], curve["observed"], bars, **style)

    figure, axes = _by_setup(table, series, draw, "share of lesion voxels")
    for axis in axes:
        axis.plot([0, 1], [0, 1], color="grey", alpha=0.5, lw=1, zorder=0)
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="predicted value")
    return figure


def _by_setup(
    frame: pd.DataFrame, series: Sequence[str], draw: SeriesPainter, label: str
) -> tuple[Figure, list[Axes]]:
    """A panel for each setup, where `draw` puts each series, beside the others by a shift."""
    setups, _ = names_of(frame)
    looks = looks_of(frame, series)
    figure, axes = panels_of(len(setups), 1, (max(WIDTH, 6.4 / len(setups)), 3.8))
    for axis, setup in zip(axes, setups, strict=True):
        axis.set_title(setup)
        panel = list(frame[frame["setup"] == setup].groupby("series", observed=True))
        shifts = np.linspace(-0.2, 0.2, len(panel) + 2)[1:-1]
        for shift, (name, rows) in zip(shifts, panel, strict=True):
            style = line(looks[str(name)]) | {"label": str(name), "capsize": 2.6}
            draw(axis, rows, shift, style)
    axes[0].set_ylabel(label)
    legend_above(figure, axes)
    return figure, axes
