"""Which rows of a folder can be compared, and what filters leave of them."""

from dataclasses import replace

import pytest

from tests.helpers.rows import GROUP, dice_rows, put, with_dice
from zsad_core.errors import DataError, SettingError
from zsad_core.report import captions, threshold_costs
from zsad_core.report.comparison_groups import beside, comparison_groups, neighbours
from zsad_core.report.measures import dice_table, group_sums
from zsad_core.report.samples import sample
from zsad_core.report.selection import Selection
from zsad_core.report.tables import tables
from zsad_core.results import parquet as results


def test_the_newest_of_equal_rows_counts(tmp_path):
    put(tmp_path, "a", date="2026-01-01", slices=with_dice(0.1))
    put(tmp_path, "a", date="2026-02-01", slices=with_dice(0.9))
    table = dice_rows(tmp_path)
    assert table["dice_3d"].tolist() == [pytest.approx(0.9)]


def test_what_differs_between_groups_names_their_series(tmp_path):
    for subject in "ab":
        put(tmp_path, subject, slices=with_dice(0.5))
        put(tmp_path, subject, modality="t1c", slices=with_dice(0.7))
    t1c = replace(GROUP, modality="t1c")
    assert GROUP.differing(t1c) == ["modality"]
    selection = Selection(GROUP, others=(t1c,))
    with results.connect(tmp_path) as rows:
        sums = group_sums(rows, selection)
        table = dice_table(sums, selection)
        named = {each.name: each for each in tables(rows, sums, selection)}
        subject = sample(rows, table, "middle")
    assert table.groupby("series")["dice_3d"].mean().to_dict() == pytest.approx(
        {"WinCLIP, t1c": 0.7, "WinCLIP, t2f": 0.5}
    )
    assert "synthetic demo cohort, t2f and t1c, axial" in named["dice"].caption
    compared = named["comparisons"].frame.iloc[0]
    assert (compared["configuration"], compared["against"]) == (
        "WinCLIP, t2f · brats",
        "WinCLIP, t1c · brats",
    )
    assert compared["mean difference"] == pytest.approx(-0.2)
    assert list(subject.configurations) == [("brats", "WinCLIP, t2f")]


def test_a_series_of_a_threshold_is_named_by_its_rule_where_that_tells():
    here = replace(GROUP, threshold="oracle, split main (0a1b2c3d)")
    validation = replace(here, threshold="validation, split main (0a1b2c3d)")
    anywhere = replace(here, threshold="oracle, anywhere, split main (0a1b2c3d)")
    assert Selection(here, others=(validation,)).words_of(here) == ["oracle"]
    assert Selection(here, others=(anywhere,)).words_of(anywhere) == [anywhere.threshold]


def test_other_groups_are_asked_for_by_axis_and_value():
    t1c, coronal = replace(GROUP, modality="t1c"), replace(GROUP, plane="coronal")
    both, other = replace(t1c, plane="coronal"), replace(t1c, data="brats")
    groups = [GROUP, t1c, coronal, both, other]
    assert neighbours(GROUP, groups) == (t1c, coronal)
    assert beside(GROUP, groups, ["modality=t1c"]) == (t1c,)
    assert beside(GROUP, groups, ["modality", "plane=coronal"]) == (t1c, coronal)
    assert beside(t1c, groups, ["modality=t1c"]) == ()
    oracle, other_reading = (
        replace(GROUP, threshold=f"oracle{GROUP.threshold.removeprefix('validation')}{more}")
        for more in ("", ", anywhere")
    )
    groups += [oracle, other_reading]
    assert beside(GROUP, groups, ["threshold=oracle"]) == (oracle,)
    assert beside(GROUP, groups, [f"threshold={other_reading.threshold}"]) == (other_reading,)
    with pytest.raises(SettingError, match="'setup' is no axis of figures; choose modality or"):
        beside(GROUP, groups, ["setup=brats"])
    with pytest.raises(SettingError, match="No row has the modality 't1'; choose one of t1c; t2f"):
        beside(GROUP, groups, ["modality=t1"])


def test_folders_of_scans_are_groups_of_their_own_and_never_beside_each_other(tmp_path):
    for root, value in (("a (1)", 0.1), ("b (2)", 0.5), ("b (2)", 0.7)):
        put(tmp_path, "s", data="brats", root=root, date=str(value), slices=with_dice(value))
    put(tmp_path, "s", data="brats", root="b (2)", modality="t1c")
    with results.connect(tmp_path) as rows:
        groups = comparison_groups(rows)
        tables = [
            dice_table(group_sums(rows, Selection(group)), Selection(group)) for group in groups
        ]
    assert list(map(str, groups)) == [
        "brats b (2), t2f, axial, threshold: validation",
        "brats b (2), t1c, axial, threshold: validation",
        "brats a (1), t2f, axial, threshold: validation",
    ]
    assert [tables[index]["dice_3d"].tolist() for index in (0, 2)] == [
        [pytest.approx(0.7)],
        [pytest.approx(0.1)],
    ]
    assert neighbours(groups[0], groups) == (groups[1],)
    assert neighbours(groups[2], groups) == ()


def test_the_cost_of_thresholds_counts_each_rule_once_beside_other_groups(tmp_path):
    for subject in "abc":
        for rule in ("validation", "oracle"):
            put(tmp_path, subject, threshold_rule=rule, slices=with_dice(0.5), best_dice=0.5)
    oracle = replace(GROUP, threshold="oracle")
    with results.connect(tmp_path) as rows:
        alone = threshold_costs.costs(rows, Selection(GROUP))
        beside = threshold_costs.costs(rows, Selection(GROUP, others=(oracle,)))
    assert len(beside) == len(alone) == 6
    assert threshold_costs.means(beside).equals(threshold_costs.means(alone))


def test_comparison_groups_keep_thresholds_apart(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b")
    fixed = {"threshold_rule": "fixed", "threshold_value": 0.5}
    put(tmp_path, "a", **fixed, threshold_note="set by hand")
    put(tmp_path, "a", **fixed, threshold_note="50 % of the range")
    older = {"threshold_value": 128 / 255, "level": 128, "ranked_on": "256 levels"}
    put(tmp_path, "a", threshold_rule="fixed", **older)
    put(tmp_path, "a", threshold_rule="oracle", min_component_voxels=5, brain_only=False)
    with results.connect(tmp_path) as rows:
        rules = [group.threshold for group in comparison_groups(rows)]
    assert rules[0] == "validation"
    assert sorted(rules[1:]) == [
        "50 % of the range",
        "level 128, ranked on 256 levels",
        "oracle, outside the region too, components of 5 voxels",
        "value 0.5",
    ]


def test_prompt_sets_are_lines_of_their_own(tmp_path):
    put(tmp_path, "a", method="intensity", prompts="", prompts_digest="")
    put(tmp_path, "a")
    assert sorted(dice_rows(tmp_path)["series"]) == ["Intensity", "WinCLIP"]
    put(tmp_path, "a", prompts="bank", prompts_digest="d2")
    put(tmp_path, "a", prompts="bank", prompts_digest="d3")
    assert sorted(dice_rows(tmp_path)["series"]) == [
        "Intensity",
        "WinCLIP (bank d2)",
        "WinCLIP (bank d3)",
        "WinCLIP (medical)",
    ]


def test_filters_and_what_is_left(tmp_path):
    put(tmp_path, "a", slices=((0, 2, 2, 1),), setup="pmc")
    put(tmp_path, "b", slices=((0, 20, 20, 10),))
    assert dice_rows(tmp_path, volumes=("10 ml and more",))["subject"].tolist() == ["b"]
    assert dice_rows(tmp_path, setups=("pmc",))["subject"].tolist() == ["a"]
    assert dice_rows(tmp_path)["setup"].tolist() == ["brats", "pmc"]
    with pytest.raises(DataError, match="No row of demo, t2f"):
        dice_rows(tmp_path, series=("MVFA",))


def test_filters_of_number_and_site(tmp_path):
    put(tmp_path, "a", site="north", brats2023_missed=0)
    put(tmp_path, "b", site="south", brats2023_missed=3)
    put(tmp_path, "c", brats2023_missed=0, brats2023_true_positives=0)
    assert dice_rows(tmp_path)["site"].tolist() == ["north", "south", "no folder"]
    assert dice_rows(tmp_path, sites=("south",))["subject"].tolist() == ["b"]
    assert dice_rows(tmp_path, numbers=("1 lesion",))["subject"].tolist() == ["a"]
    assert dice_rows(tmp_path, numbers=("no lesion over 2 mm³",))["subject"].tolist() == ["c"]
    caption = captions.caption(
        dice_rows(tmp_path), Selection(GROUP, sites=("south",), numbers=("1 lesion",))
    )
    assert "only 1 lesion, south" in caption
