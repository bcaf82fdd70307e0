"""Failure cases of rows made by hand: each kind by its rule, ranked, filtered, as a view."""

from dataclasses import replace

import pytest

from tests.helpers.failure_rows import (
    GROUP,
    MEDICAL,
    SUBJECT,
    as_read,
    failures_of,
    put,
    view_of_case,
)
from zsad_core.errors import DataError, SettingError, WeightsError
from zsad_core.inference.engine import Engine
from zsad_core.report.failures import (
    ALARM,
    APART,
    MISSED,
    OVER,
    SMALL,
    UNDER,
)
from zsad_core.types import DataSpec

DATA = DataSpec("demo-2mm")


def summaries(cases):
    return [(case.kind, case.index, round(case.severity_mm3, 6)) for case in cases]


@pytest.mark.parametrize(
    ("slice_", "kind", "severity"),
    [
        ((0, 1, 0), ALARM, 2),
        ((10, 20, 1), OVER, 20),
        ((10, 19, 1), None, 0),
        ((10, 5, 1), UNDER, 10),
        ((10, 6, 1), None, 0),
        ((10, 40, 0), APART, 100),
        ((10, 0, 0), None, 0),  # whether its lesion was missed, the lesions tell
        ((0, 0, 0), None, 0),
        ((7, 7, 7), None, 0),
    ],
)
def test_a_slice_is_of_one_kind_by_its_counts(tmp_path, slice_, kind, severity):
    put(tmp_path, slice_)
    assert summaries(failures_of(tmp_path)) == ([(kind, 0, severity)] if kind else [])


def test_lesions_that_nothing_touches_are_missed_by_size(tmp_path):
    lesions = (
        (300.0, True, 0),
        (20.0, False, 1),
        (64.0, False, 2),
        (19.9, False, 3),
        (2.0, False, 0),  # dropped by the 2023 rule
    )
    put(tmp_path, (9, 8, 7), (4, 0, 0), (6, 0, 0), (3, 0, 0), lesions=lesions)
    first, second = failures_of(tmp_path)
    assert summaries([first, second]) == [(MISSED, 2, 64.0), (SMALL, 3, 19.9)]
    assert (first.truth, first.predicted, first.dice, first.dice_3d) == (6, 0, 0, 0.25)
    assert first.why == (
        "No predicted component touches this lesion of 64 mm³ (4 of 5 lesions missed)."
    )


def test_of_each_kind_only_the_worst_slice_of_a_run_counts(tmp_path):
    put(tmp_path, (0, 5, 0), (0, 9, 0), (0, 9, 0), (4, 4, 0))
    assert summaries(failures_of(tmp_path)) == [(ALARM, 1, 18), (APART, 3, 16)]
    put(tmp_path, (0, 6, 0), setup="brats")
    assert summaries(failures_of(tmp_path)) == [(ALARM, 1, 18), (APART, 3, 16), (ALARM, 0, 12)]


def test_kinds_take_turns_from_the_worst_on(tmp_path):
    for number, pixels in enumerate((3, 9, 6)):
        put(tmp_path, (0, pixels, 0), (pixels, pixels, 0), subject=f"S{number}")
    listed = [(case.kind, case.subject) for case in failures_of(tmp_path)]
    assert listed == [(kind, name) for name in ("S1", "S2", "S0") for kind in (ALARM, APART)]


def test_filters_of_run_size_and_depth(tmp_path):
    slices = ((0, 3, 0), (0, 8, 0), (0, 5, 0))
    put(tmp_path, *slices)
    put(tmp_path, *slices, method="intensity", prompts="", prompts_digest="", truth_ml=0.5, truth=1)
    put(tmp_path, *slices, setup="pmc")
    assert len(failures_of(tmp_path)) == 3
    assert [case.series for case in failures_of(tmp_path, series=("Intensity",))] == ["Intensity"]
    assert [case.setup for case in failures_of(tmp_path, setups=("pmc",))] == ["pmc"]
    assert [case.series for case in failures_of(tmp_path, volumes=("under 1 ml",))] == ["Intensity"]
    assert failures_of(tmp_path, subjects=("another",)) == []
    for third, index in (("inferior", 0), ("middle", 1), ("superior", 2)):
        assert {case.index for case in failures_of(tmp_path, third=third)} == {index}
    assert {case.index for case in failures_of(tmp_path, "centroid", third="middle")} == {1}


def test_a_missed_lesion_lies_in_the_third_of_its_largest_slice(tmp_path):
    put(tmp_path, (5, 0, 0), (0, 0, 0), (2, 0, 0), lesions=((40.0, False, 0), (30.0, False, 2)))
    assert summaries(failures_of(tmp_path)) == [(MISSED, 0, 40.0)]
    assert summaries(failures_of(tmp_path, third="superior")) == [(MISSED, 2, 30.0)]


def test_every_case_says_why(tmp_path):
    put(tmp_path, (0, 4, 0), (4, 410, 2), (40, 4, 2), (3, 2, 0))
    assert {case.kind: case.why for case in failures_of(tmp_path)} == {
        ALARM: "No lesion here; the prediction has 4 pixels (8 mm³).",
        OVER: "Predicted 102 times the lesion: 410 pixels for 4 of lesion.",
        UNDER: "Predicted 0.1 times the lesion: 4 pixels for 40 of lesion.",
        APART: "3 pixels of lesion and 2 predicted share none.",
    }


def test_a_single_pixel_is_one(tmp_path):
    put(tmp_path, (0, 1, 0), (1, 12, 1), (1, 2, 0))
    assert {case.kind: case.why for case in failures_of(tmp_path)} == {
        ALARM: "No lesion here; the prediction has 1 pixel (2 mm³).",
        OVER: "Predicted 12 times the lesion: 12 pixels for 1 of lesion.",
        APART: "1 pixel of lesion and 2 predicted share none.",
    }


@pytest.fixture(scope="module")
def engine():
    return Engine()


def test_a_case_is_a_view_of_the_map_threshold_and_mask_that_were_read(tmp_path, engine):
    put(tmp_path, (0, 4, 0), min_component_voxels=7, **as_read(engine))
    group = replace(GROUP, threshold="validation, components of 7 voxels")
    view = view_of_case(engine, failures_of(tmp_path, group=group)[0])
    assert view.map.features.slices.subject == SUBJECT
    assert (view.map.method, view.map.prompts, view.index) == ("winclip", MEDICAL, 0)
    assert (view.threshold.value, view.threshold.rule) == (0.35, "validation")
    assert (view.readout.threshold, view.readout.min_component_voxels) == (0.35, 7)


def test_a_case_of_older_rows_is_read_at_the_value_of_its_level(tmp_path, engine):
    older = {"level": 90, "threshold_value": 90 / 255, "ranked_on": "256 levels"}
    put(tmp_path, (0, 4, 0), **as_read(engine), **older)
    group = replace(GROUP, threshold="validation, ranked on 256 levels")
    view = view_of_case(engine, failures_of(tmp_path, group=group)[0])
    assert view.threshold.value == pytest.approx(89.5 / 255)  # what rounds to level 90


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"prompts_digest": "0" * 64}, SettingError, "'medical' is not here as it was"),
        ({"setup": "pmc-l14"}, WeightsError, "pmc_vit_l_14 is not"),
        ({"map": "another"}, SettingError, "are not those that were evaluated"),
        ({"scan_digest": "another"}, DataError, "not in the data at hand"),
    ],
)
def test_what_is_not_here_as_it_was_is_named(tmp_path, engine, options, error, message):
    put(tmp_path, (0, 4, 0), **{**as_read(engine), **options})
    with pytest.raises(error, match=message):
        view_of_case(engine, failures_of(tmp_path)[0])
