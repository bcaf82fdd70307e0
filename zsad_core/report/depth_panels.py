"""What Figure 3 shows, for the page and for print: panels, their lines, and the bars behind."""

from collections.abc import Sequence
from dataclasses import dataclass

from zsad_core.base.palette import Style, styles
from zsad_core.metrics.depth import DepthCurve
from zsad_core.report.measures import Curves


@dataclass(frozen=True)
class DepthPanel:
    """The lines of one setup by name, each with its looks.

    `bars` is the curve with the most slices with lesion, where lines cover different subjects.
    """

    title: str
    bars: DepthCurve
    lines: dict[str, tuple[DepthCurve, Style]]


def depth_panels(
    curves: Curves, setups: Sequence[str], lines: Sequence[str] = ()
) -> list[DepthPanel]:
    """A panel for each setup; looks follow the place in `lines`, by default all lines by name.

    Raises ValueError without a curve.
    """
    if not curves:
        raise ValueError("a depth figure needs at least one curve")
    styles_by_line = styles(list(lines) or sorted({line for _, line in curves}))
    panels = []
    for setup in setups:
        panel_lines = {
            line: (curve, styles_by_line[line])
            for (curve_setup, line), curve in curves.items()
            if curve_setup == setup
        }
        setup_curves = [curve for curve, _ in panel_lines.values()]
        bars = max(setup_curves, key=lambda curve: int(curve.lesion_slices.sum()))
        panels.append(DepthPanel(setup, bars, panel_lines))
    return panels
