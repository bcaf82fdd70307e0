"""The content of Figure 3 for page and print: panels, their series, and the bars behind."""

from collections.abc import Sequence
from dataclasses import dataclass

from zsad_core.base.palette import Style, styles
from zsad_core.metrics.depth import DepthCurve
from zsad_core.report.measures import Curves


@dataclass(frozen=True)
class DepthPanel:
    """The series of one setup by name, each with its style.

    `bars` is the curve with the most lesion slices, as series may cover different subjects.
    """

    title: str
    bars: DepthCurve
    series: dict[str, tuple[DepthCurve, Style]]


def depth_panels(
    curves: Curves, setups: Sequence[str], series: Sequence[str] = ()
) -> list[DepthPanel]:
    """A panel for each setup with a curve; styles follow the order of `series`, by default by name.

    Raises ValueError without a curve.
    """
    styles_by_series = styles(list(series) or sorted({name for _, name in curves}))
    panels = []
    for setup in [setup for setup in setups if any(setup == name for name, _ in curves)]:
        in_panel = {
            name: (curve, styles_by_series[name])
            for (curve_setup, name), curve in curves.items()
            if curve_setup == setup
        }
        setup_curves = [curve for curve, _ in in_panel.values()]
        bars = max(setup_curves, key=lambda curve: int(curve.lesion_slices.sum()))
        panels.append(DepthPanel(setup, bars, in_panel))
    if not panels:
        raise ValueError("a depth figure needs at least one curve")
    return panels
