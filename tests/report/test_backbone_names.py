"""Backbones of rows: what names them, tells them apart, and filters them."""

from dataclasses import replace

import pytest

from tests.helpers.rows import GROUP, dice_rows, put, with_dice
from zsad_core import backbones
from zsad_core.report import captions, charts
from zsad_core.report.comparisons import compared, names_of_configurations
from zsad_core.report.ledgers import NOT_HERE
from zsad_core.report.measures import group_sums, means
from zsad_core.report.selection import Selection, selected_rows
from zsad_core.report.single_rows import same_configuration
from zsad_core.report.tables import tables
from zsad_core.results import parquet as results
from zsad_core.types import BackboneSpec

DEMO, PMC = (backbones.info(BackboneSpec(name)).digest for name in ("demo", "demo-pmc"))
OTHER = "0123456789abcdef"


def two_backbones(root):
    for subject, dice in (("a", 0.2), ("b", 0.4), ("c", 0.9)):
        put(root, subject, "zero-shot", slices=with_dice(dice), weights_digest=DEMO)
        put(root, subject, "pmc", slices=with_dice(dice), weights_digest=PMC)
        for setup, digest in (("zero-shot", DEMO), ("pmc", PMC)):
            columns = {"weights_digest": digest, "threshold_rule": "oracle"}
            put(root, subject, setup, dice_3d=dice, best_dice=dice, **columns)
        put(root, subject, "zero-shot", "intensity", weights_digest="", prompts_digest="")


def test_a_row_has_the_name_of_its_setups_backbone_while_it_is_that_one(tmp_path):
    two_backbones(tmp_path)
    put(tmp_path, "d", "pmc", weights_digest=OTHER)
    put(tmp_path, "a", "gone", weights_digest=DEMO)
    frame = dice_rows(tmp_path)
    assert (
        {*frame[["setup", "series", "backbone"]].itertuples(index=False, name=None)}
        == {
            ("zero-shot", "WinCLIP", "demo"),
            ("zero-shot", "Intensity", ""),
            ("pmc", "WinCLIP, demo-pmc", "demo-pmc"),
            ("pmc", f"WinCLIP, {OTHER[:8]}", OTHER[:8]),  # the setup has another one by now
            ("gone", "WinCLIP", DEMO[:8]),
        }
    )


def test_tables_and_captions_tell_backbones_apart_and_a_filter_takes_one(tmp_path):
    two_backbones(tmp_path)
    selection = Selection(GROUP)
    with results.connect(tmp_path) as rows:
        named = {
            one.name: one.frame for one in tables(rows, group_sums(rows, selection), selection)
        }
    dice = named["dice"][["setup", "method", "backbone"]].to_numpy().tolist()
    assert ["zero-shot", "WinCLIP", "demo"] in dice
    assert ["pmc", "WinCLIP", "demo-pmc"] in dice
    assert ["zero-shot", "Intensity", "none"] in dice
    setups = named["setups"].iloc[0][["setup", "backbone", "against", "against backbone"]]
    assert {
        (setups["setup"], setups["backbone"]),
        (setups["against"], setups["against backbone"]),
    } == {
        ("zero-shot", "demo"),
        ("pmc", "demo-pmc"),
    }
    costs = named["thresholds"].set_index("setup")["backbone"]
    assert costs.to_dict() == {"zero-shot": "demo", "pmc": "demo-pmc"}
    pair = named["comparisons"].set_index(["configuration", "against"])
    row = pair.loc["WinCLIP · pmc", "WinCLIP · zero-shot"].iloc[0]
    assert (row["backbone"], row["against backbone"]) == ("demo-pmc", "demo")
    caption = captions.caption(dice_rows(tmp_path), selection)
    assert "backbones: demo (zero-shot), demo-pmc (pmc)." in caption
    alone = dice_rows(tmp_path, backbones=("demo-pmc",))
    assert alone["setup"].unique().tolist() == ["pmc"]
    assert "backbones" not in captions.caption(alone, selection)


def test_one_backbone_needs_no_column(tmp_path):
    put(tmp_path, "a", "zero-shot", weights_digest=DEMO)
    put(tmp_path, "a", "zero-shot", "intensity", weights_digest="", prompts_digest="")
    selection = Selection(GROUP)
    with results.connect(tmp_path) as rows:
        found = tables(rows, group_sums(rows, selection), selection)
    assert not [one.name for one in found if "backbone" in one.frame]


def test_rows_that_differ_by_backbone_alone_are_two_series(tmp_path):
    for subject, before, now in (("a", 0.2, 0.4), ("b", 0.4, 0.7), ("c", 0.9, 0.8)):
        for digest, dice, date in ((OTHER, before, "2026-01-02"), (DEMO, now, "2026-01-01")):
            columns = {"weights_digest": digest, "date": date}
            put(tmp_path, subject, "zero-shot", slices=with_dice(dice), **columns)
        put(tmp_path, subject, "zero-shot", slices=with_dice(0.1), plane="coronal",
            weights_digest=DEMO)  # fmt: skip
        put(tmp_path, subject, "pmc", slices=with_dice(0.5), weights_digest=PMC)
    selection = Selection(GROUP)
    frame = dice_rows(tmp_path)
    now, before = ("zero-shot", "WinCLIP, demo"), ("zero-shot", f"WinCLIP, {OTHER[:8]}")
    assert {*names_of_configurations(frame)} == {now, before, ("pmc", "WinCLIP")}
    assert compared(frame, "dice_3d", [(now, before)])["mean difference"].tolist() == [
        pytest.approx((0.2 + 0.3 - 0.1) / 3)
    ]
    boxes = charts.by_method(frame, means(frame)).data
    assert {box.name for box in boxes} >= {now[1], before[1]}
    assert {*dice_rows(tmp_path, backbones=("demo",))["series"]} == {now[1]}
    with results.connect(tmp_path) as rows:
        found = {
            one.name: one.frame for one in tables(rows, group_sums(rows, selection), selection)
        }
        key = frame.loc[frame["series"] == now[1], "key"].iloc[0]
        assert len(same_configuration(rows, key)) == 3
        other_plane = selected_rows(rows, Selection(replace(GROUP, plane="coronal")))
    assert {*other_plane["series"]} == {now[1]}  # one name in every group
    assert found["ranks"]["method"].tolist() == [now[1], "WinCLIP", before[1]]
    pairs = found["comparisons"]
    of_pairs = map(frozenset, zip(pairs["configuration"], pairs["against"], strict=True))
    assert {f"{before[1]} · zero-shot", f"{now[1]} · zero-shot"} in of_pairs
    seen = found["seen"].set_index("method")["trained on"]
    assert seen[before[1]] == NOT_HERE
