"""The content of Figure 3 for page and print: panels, their lines, and the bars behind."""

from collections.abc import Sequence
from dataclasses import dataclass

from zsad_core.base.palette import Style, styles
from zsad_core.metrics.depth import DepthCurve
from zsad_core.report.measures import Curves


@dataclass(frozen=True)
class DepthPanel:
    """The lines of one setup by name, each with its style.

    `bars` is the curve with the most lesion slices, as lines may cover different subjects.
    """

    title: str
    bars: DepthCurve
    lines: dict[str, tuple[DepthCurve, Style]]


def depth_panels(
    curves: Curves, setups: Sequence[str], lines: Sequence[str] = ()
) -> list[DepthPanel]:
    """A panel for each setup with a curve; styles follow the order of `lines`, by default by name.

    Raises ValueError without a curve.
    """
    styles_by_line = styles(list(lines) or sorted({line for _, line in curves}))
    panels = []
    for setup in [setup for setup in setups if any(setup == name for name, _ in curves)]:
        panel_lines = {
            line: (curve, styles_by_line[line])
            for (curve_setup, line), curve in curves.items()
            if curve_setup == setup
        }
        setup_curves = [curve for curve, _ in panel_lines.values()]
        bars = max(setup_curves, key=lambda curve: int(curve.lesion_slices.sum()))
        panels.append(DepthPanel(setup, bars, panel_lines))
    if not panels:
        raise ValueError("a depth figure needs at least one curve")
    return panels
