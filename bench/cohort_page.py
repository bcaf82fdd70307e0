"""The Cohort page over 1,000 synthetic subjects × 24 configurations × 155 slices.

Rows are synthetic, in the files of an evaluation, without curves and levels. The server is warm:
the page was shown before with other rows.
"""

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from streamlit.testing.v1 import AppTest

from bench import many_rows
from bench.core import seconds
from bench.report import Line
from zsad_core.report import captions, charts, depth_charts
from zsad_core.report.comparison_groups import comparison_groups
from zsad_core.report.measures import curves, dice_table, group_sums, means, quartiles
from zsad_core.report.selection import Selection
from zsad_core.results import parquet as results

ROOT = Path(__file__).resolve().parents[1]
SUBJECTS, CONFIGURATIONS, SMALL = 1000, len(many_rows.METHODS) * len(many_rows.SETUPS), 20
FILTERS = (
    ("volumes-shown", "under 1 ml"),
    ("numbers-shown", "1 lesion"),
    ("sites-shown", "site 1"),
    ("setups-shown", "brats"),
)


def measure() -> Iterator[Line]:
    """Lines for the core's calls and for the page."""
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small", Path(folder) / "large"
        many_rows.write(small, SMALL)
        many_rows.write(large, SUBJECTS)
        number = SUBJECTS * CONFIGURATIONS * many_rows.SLICES / 1e6
        what = f"Cohort, {number:.1f} million synthetic rows"
        core(small)
        yield from core(large, what)
        yield from page(small, large, what)


def core(root: Path, what: str = "") -> list[Line]:
    """Reading the rows of a folder, and Figures 1 to 3 of all and of filtered rows."""
    with results.connect(root) as rows:
        selection = Selection(comparison_groups(rows)[0])
        sums = group_sums(rows, selection)
        boxes = quartiles(rows, sums.frame[sums.frame["setup"] == "brats"], selection)

        def figures(selection: Selection) -> None:
            frame, depth_curves = dice_table(sums, selection), curves(sums, selection)
            captions.caption(frame, selection)
            charts.by_method(frame, means(frame))
            charts.by_subject(frame.merge(boxes, on="key").head(SUBJECTS))
            depth_charts.by_depth(
                depth_curves, list(dict.fromkeys(setup for setup, _ in depth_curves))
            )

        filtered = Selection(selection.group, volumes=("under 1 ml",))
        times = [
            seconds(lambda: comparison_groups(rows)) + seconds(lambda: group_sums(rows, selection)),
            seconds(lambda: figures(selection)),
            seconds(lambda: figures(filtered)),
        ]
    labels = ("comparison groups and rows read", "Figures 1 to 3", "Figures 1 to 3 of a filter")
    return [
        Line(f"{what}: {label}", 1000 * time, "ms")
        for label, time in zip(labels, times, strict=True)
    ]


def page(small: Path, large: Path, what: str) -> Iterator[Line]:
    """The page's own runs, without a browser."""
    first = _session(small)
    for _ in range(2):
        _run(first)
    test = _session(large)
    yield Line(f"{what}: the page opens", seconds(lambda: _run(test)) * 1000, "ms", 1000)
    again = _session(large)
    yield Line(f"{what}: it opens for another", seconds(lambda: _run(again)) * 1000, "ms", 1000)
    times = []
    for key, value in FILTERS:
        for values in ([value], []):
            test.multiselect(key=key).set_value(values)
            times.append(seconds(lambda: _run(test)))
    yield Line(f"{what}: a filter, median", statistics.median(times) * 1000, "ms", 300)
    yield Line(f"{what}: a filter, slowest", max(times) * 1000, "ms")


def _session(root: Path) -> AppTest:
    test = AppTest.from_file(ROOT / "app.py", default_timeout=120)
    test.switch_page("pages/4_Cohort.py")
    test.session_state["method"] = "intensity"
    test.session_state["results"] = str(root)
    return test


def _run(test: AppTest) -> None:
    test.run()
    if test.exception or len(test.get("plotly_chart")) != 3:
        raise ValueError(f"the page shows no figures: {test.exception} {test.error}")
