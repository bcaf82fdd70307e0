"""The Depth page: what its points open."""

import re
import time

import numpy as np
import pytest

from pages.ui.depth import cases as depth_cases
from pages.ui.depth import figures
from pages.ui.depth.cases import REPORTED
from pages.ui.shell import compute
from tests.helpers.pages import WAIT, at, shown, widget
from zsad_core import methods
from zsad_core.errors import Cancelled
from zsad_core.evaluation.rows import Results, make
from zsad_core.evaluation.validation import app_rows, tuned_threshold, tuning_subjects
from zsad_core.imaging.datasets import open_dataset
from zsad_core.inference import pipeline
from zsad_core.inference.engine import Engine
from zsad_core.inference.evaluation import of_subject
from zsad_core.metrics.depth import bin_of
from zsad_core.metrics.threshold_rules import Oracle, rule_of
from zsad_core.metrics.thresholds import threshold_text
from zsad_core.prompts import sets as prompt_sets
from zsad_core.results import parquet as results
from zsad_core.types import DataSpec, SliceSpec, Threshold

SUBJECT, SERIES = "DEMO-MET-013-000", "Intensity · zero-shot"
DATA = DataSpec("demo-2mm")
SUBJECTS = [
    one.id
    for one in open_dataset(DATA).subjects()
    if one.split in REPORTED and one.evaluable("t2f")
]

pytestmark = pytest.mark.usefixtures("small_demo")


def oracle_row(subject=SUBJECT):
    """The row of the subject at its oracle threshold, and its slices with lesion."""
    engine, prompts = Engine(), prompt_sets.shipped()["appearance"]
    spec = pipeline.map_spec(engine, SliceSpec(DATA, subject), "intensity", "zero-shot", prompts)
    [key] = make(engine, spec, Results(app_rows(DATA)), [Oracle().pending])
    [row] = results.read(app_rows(DATA), "subjects", key)
    return row, [one for one in results.read(app_rows(DATA), "slices", key) if one["truth"]]


def until(test, drawn):
    """Run the page until it has drawn what a job looks up meanwhile."""
    for _ in range(10 * WAIT):
        if drawn():
            return
        time.sleep(0.1)
        shown(test)
    raise AssertionError("\n".join(one.value for one in (*test.warning, *test.caption)))


def stop(kind):
    """Cancel the jobs of a kind, for which a test need not wait."""
    for job in compute.engine().jobs.running().values():
        if job.kind == kind:
            job.cancel()


def clicked(monkeypatch, point, **state):
    """Explore, after a click on that point of the page's figure."""
    monkeypatch.setattr(figures, "clicked_point", lambda *_: point)
    choice = {"data": "demo-2mm:", "method": "intensity", "series": [SERIES], "rule": "oracle"}
    return shown(at("pages/3_Depth.py", **choice, slice=3, **state))


@pytest.mark.parametrize(
    ("scope", "words"),
    [("this subject", SUBJECT), ("all evaluated subjects", "all evaluated subjects")],
)
def test_the_figure_has_a_title_and_the_page_one_line_of_conventions(scope, words):
    oracle_row()
    choice = {"data": "demo-2mm:", "method": "intensity", "series": [SERIES], "rule": "oracle"}
    test = shown(at("pages/3_Depth.py", **choice, subject=SUBJECT, scope=scope))
    (title,) = [one.value for one in test.subheader]
    assert title.startswith("Figure 3 for ")
    assert words in title
    conventions = [one.value for one in test.caption if "slices in mean 2D Dice" in one.value]
    assert len(conventions) == 1
    assert "threshold rule: oracle" in conventions[0]


def test_a_cancelled_look_for_evaluated_subjects_can_go_on(monkeypatch):
    def cancelled(*_):
        raise Cancelled

    oracle_row()
    depth_cases._known.clear()
    choice = {"data": "demo-2mm:", "method": "intensity", "series": [SERIES], "rule": "oracle"}
    with monkeypatch.context() as patch:
        patch.setattr(depth_cases, "_gather", cancelled)
        test = at("pages/3_Depth.py", **choice, subject=SUBJECT, scope="all evaluated subjects")
        until(test, lambda: any("stopped" in one.value for one in test.warning))
    next(one for one in test.button if one.label == "Continue").click().run()
    drawn = f"of {len(SUBJECTS)} subjects. Band"
    until(test, lambda: any(drawn in one.value for one in test.caption))
    assert not [one for one in test.warning if "stopped" in one.value]


def test_subjects_that_the_threshold_was_tuned_on_are_in_no_mean_unless_asked_for():
    engine, prompts = compute.engine(), prompt_sets.shipped()["appearance"]
    slices, rule = SliceSpec(DATA, SUBJECT), rule_of("validation")
    spec = pipeline.map_spec(engine, slices, "intensity", "zero-shot", prompts)
    tuned = tuning_subjects(rule, open_dataset(DATA).subjects(), slices)
    threshold = tuned_threshold(engine, spec, rule, tuned)
    for subject in (SUBJECT, tuned[0]):
        make(engine, of_subject(spec, subject), Results(app_rows(DATA)), [threshold])
    choice = {"data": "demo-2mm:", "method": "intensity", "series": [SERIES], "rule": "validation"}
    test = at("pages/3_Depth.py", **choice, subject=SUBJECT, scope="all evaluated subjects")

    def means():
        return [
            one.value for one in test.caption if "subjects" in one.value and "Band" in one.value
        ]

    until(test, lambda: means() and "left out" in means()[0])
    (words,) = means()
    left_out = words.replace("\\", "").partition("left out: ")[2]
    assert tuned[0] in left_out
    assert SUBJECT not in left_out
    drawn, exposed = (
        int(re.search(of, words)[1]) for of in (r"of (\d+) of \d+ ", r"(\d+) exposed")
    )
    next(one for one in test.checkbox if "Include exposed" in one.label).check().run()
    (words,) = means()
    assert f"of {drawn + exposed} of {len(SUBJECTS)} subjects" in words
    assert f"({exposed} exposed)" in words.replace("\\", "")


def test_thresholds_of_several_folds_are_named_with_all_that_they_were_tuned_on():
    folds = [
        Threshold(0.4, "cross-validation", "best mean 3D Dice over A"),
        Threshold(0.5, "cross-validation", "best mean 3D Dice over B"),
    ]
    said = depth_cases.words("X", [*folds, folds[0]], np.array([0.1, np.nan, 0.3]))
    notes = "best mean 3D Dice over A; best mean 3D Dice over B"
    assert said == f"X: threshold 0.4 to 0.5, cross-validation ({notes}), 2 slices"


def test_normal_slices_that_are_chosen_are_compared_with_here_too():
    normal = "DEMO-MET-001-000:20"
    choice = {"data": "demo-2mm:", "method": "winclip", "rule": "fixed", "subject": SUBJECT}
    test = shown(at("pages/3_Depth.py", **choice, normal_slices=[normal], scope="this subject"))
    stop(compute.ENCODING)
    (conventions,) = [one.value for one in test.caption if "slices in mean 2D Dice" in one.value]
    assert f"compared with the normal slices {normal}" in conventions.replace("\\", "")


def test_every_series_reads_the_texts_it_is_compared_with_elsewhere_and_says_them():
    choice = {"data": "demo-2mm:", "method": "winclip", "rule": "fixed", "subject": SUBJECT}
    series = ["WinCLIP · zero-shot", "APRIL-GAN · brats", SERIES]
    more = {"prompts": "medical", "series": series, "scope": "this subject"}
    test = shown(at("pages/3_Depth.py", **choice, **more))
    stop(compute.ENCODING)
    (conventions,) = [one.value for one in test.caption if "slices in mean 2D Dice" in one.value]
    own = methods.kind_of("aprilgan").prompts
    said = f"prompts: WinCLIP · zero-shot 'medical'; APRIL-GAN · brats '{own}' · mask"
    assert said in conventions.replace("\\", "")


def assert_numbers_of(row, test):
    assert widget(test.selectbox, "subject").value == row["subject"]
    assert f"Threshold {threshold_text(row['threshold_value'])}" in " ".join(
        c.value for c in test.caption
    )
    dice = next(metric.value for metric in test.metric if metric.label == "3D Dice")
    assert dice == f"{row['dice_3d']:.3f}"


@pytest.mark.parametrize("name", [SERIES, ""], ids=["series", "bar"])
def test_a_point_of_one_subject_opens_its_slice_at_its_threshold(monkeypatch, name):
    test = clicked(monkeypatch, {"customdata": [30, name, 31]}, subject=SUBJECT)
    assert test.session_state["slice"] == 30
    assert_numbers_of(oracle_row()[0], test)


def test_a_point_over_subjects_opens_the_worst_slice_at_its_own_threshold(monkeypatch):
    found = [oracle_row(subject) for subject in SUBJECTS]
    depth = min((one for _, slices in found for one in slices), key=lambda one: one["dice"])[
        "depth_middle"
    ]
    here = [
        (one["dice"], abs(one["depth_middle"] - depth), number, one["index"])
        for number, (_, slices) in enumerate(found)
        for one in slices
        if bin_of(np.array([one["depth_middle"]])) == bin_of(np.array([depth]))
    ]
    *_, number, index = min(here)
    row = found[number][0]
    other = next(subject for subject in SUBJECTS if subject != row["subject"])
    test = clicked(monkeypatch, None, scope="all evaluated subjects", subject=other)
    every = f"{len(SUBJECTS)} of {len(SUBJECTS)} subjects. Band: 95 % interval: percentile"
    until(test, lambda: any(every in caption.value for caption in test.caption))
    bands = f"{every} bootstrap over patients, 10,000 resamples, seed 0"
    assert any(bands in caption.value for caption in test.caption)
    point = {"customdata": [1, 1, SERIES], "x": depth}
    monkeypatch.setattr(figures, "clicked_point", lambda *_: point)
    shown(test)
    assert_numbers_of(row, test)
    assert test.session_state["slice"] == index
